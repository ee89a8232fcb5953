import { terminalSteps } from '@mainstay/deploy/steps';
import type { Command } from 'commander';

export default (command: Command) => command
  .description('Check everything: types, lint, import rules, contracts, all tests.')
  .argument('[pattern]', 'run only the tests in files whose path contains it, and no other checks')
  .option('--quick', 'leave out lint, contract compatibility and the drills that start and kill whole deployments')
  .action(async (pattern: string | undefined, { quick }: { quick?: boolean }) => {
    const { runChecks } = await import('../../tools/run-checks.ts');
    const steps = terminalSteps(process.stdout);
    const failed = await runChecks({ ...(pattern && { pattern }), ...(quick && { quick }) }, steps);
    steps.line(failed.length === 0 ? 'Everything passed.' : `Failed: ${failed.join(', ')}.`);
    if (failed.length > 0) process.exitCode = 1;
  });
