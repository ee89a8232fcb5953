import type { Command } from 'commander';
import { regenerateContracts } from '../regenerate-contracts.ts';

export default (command: Command) => command
  .description('Write anew what is published about all modules: the schema of deployment files, the table of who may call what, the folders of contracts in buf.yaml. After a module came or went, or its configuration or access changed.')
  .action(async () => {
    await regenerateContracts();
    await import('../../tools/publish-deployment-schema.ts');
    await import('../../tools/publish-access-table.ts');
    process.stdout.write('written: deploy/deployment.schema.json, docs/access.md, buf.yaml\n');
  });
