import type { Steps } from '@mainstay/deploy/steps';
import { type Check, CheckFailed } from './checks/check.ts';
import { contractBreaking } from './checks/contract-breaking.ts';
import { contractLint } from './checks/contract-lint.ts';
import { fileStyle } from './checks/file-style.ts';
import { importRules } from './checks/import-rules.ts';
import { lint } from './checks/lint.ts';
import { migrationSafety } from './checks/migration-safety.ts';
import { findTests, runTests, type TestSelection } from './checks/run-tests.ts';
import { types } from './checks/types.ts';

const quickChecks: Check[] = [types, importRules, contractLint, migrationSafety, fileStyle];
const allChecks: Check[] = [types, lint, importRules, contractLint, contractBreaking, migrationSafety, fileStyle];

/**
 * Runs the checks and then the tests, all of them even if some fail, and gives the names of what failed.
 * With a pattern only the tests that it names run; `quick` leaves out what takes long.
 */
export async function runChecks(selection: TestSelection, steps: Steps): Promise<string[]> {
  const checks = selection.pattern ? [] : selection.quick ? quickChecks : allChecks;
  const failed: string[] = [];
  for (const check of checks) if (!(await passes(check, steps))) failed.push(check.name);
  const files = findTests(selection);
  if (files.length === 0) {
    steps.line(selection.pattern ? `no test file's path contains "${selection.pattern}"` : 'there are no tests');
    return [...failed, 'tests'];
  }
  const tests: Check = { name: 'tests', run: async (say) => { say(`${files.length} files`); await runTests(files); } };
  return (await passes(tests, steps)) ? failed : [...failed, 'tests'];
}

async function passes({ name, run }: Check, steps: Steps): Promise<boolean> {
  try {
    await steps.step(name, run);
    return true;
  } catch (error) {
    if (!(error instanceof CheckFailed)) throw error;
    steps.line(error.message.replace(/^/gm, '  '));
    return false;
  }
}
