import { projectRoot } from '@mainstay/deploy';
import { terminalSteps } from '@mainstay/deploy/steps';
import type { Command } from 'commander';

export default (command: Command) => command
  .description('Make a module: a copy of examples/mod-hello under another name, with its tests, in the build.')
  .argument('<name>', 'mod-… for a product, sys-… for the platform')
  .action(async (name: string) => {
    const { newModule } = await import('../../tools/new-module/new-module.ts');
    const files = await terminalSteps().step(`making ${name}`, async () => newModule(projectRoot, name));
    const next = [
      `modules/${name}: ${files.length - 2} files, and a line in main/modules.ts`,
      `  ./mainstay test modules/${name}    its tests pass`,
      `  deploy/deployments/demo.yaml: add "${name}:" under "modules", then ./mainstay up runs it`,
      '  docs/guides/ shows how to add a field, a query, a command, an event, a job and a page',
    ];
    process.stdout.write(`${next.join('\n')}\n`);
  });
