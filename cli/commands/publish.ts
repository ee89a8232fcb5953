import { projectRoot } from '@mainstay/deploy';
import type { Command } from 'commander';
import { regenerateContracts } from '../regenerate-contracts.ts';

export default (command: Command) => command
  .description('Write anew what is published about all modules: the schemas of deployment and placement files, the table of who may call what, the folders of contracts in buf.yaml; and take removed modules out of package-lock.json. After a module came or went, or its configuration or access changed.')
  .action(async () => {
    await regenerateContracts();
    await import('../../tools/publish-deployment-schema.ts');
    await import('../../tools/publish-placement-schema.ts');
    await import('../../tools/publish-access-table.ts');
    const { unlinkRemoved } = await import('../../tools/new-module/linked-packages.ts');
    process.stdout.write('written: deploy/deployment.schema.json, deploy/placement.schema.json, docs/access.md, buf.yaml\n');
    for (const name of unlinkRemoved(projectRoot)) process.stdout.write(`${name} is taken out of package-lock.json\n`);
  });
