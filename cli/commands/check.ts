import { terminalSteps } from '@mainstay/deploy/steps';
import type { Command } from 'commander';

export default (command: Command) => command
  .description('Generate the code of changed contracts and check all types, in a few seconds: after each change of a contract.')
  .action(async () => {
    // The script that started this has generated the code.
    const { types } = await import('../../tools/checks/types.ts');
    const { CheckFailed } = await import('../../tools/checks/check.ts');
    try {
      await terminalSteps(process.stdout).step(types.name, types.run);
    } catch (error) {
      if (!(error instanceof CheckFailed)) throw error;
      process.stdout.write(`${error.message}\n`);
      process.exitCode = 1;
    }
  });
