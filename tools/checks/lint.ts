import { type Check, runNode } from './check.ts';
import { sourceFolders } from './source-files.ts';

/** The few rules that need types and that no compiler has: promises that nobody awaits. */
export const lint: Check = {
  name: 'lint',
  run: async () => void (await runNode('node_modules/eslint/bin/eslint.js', '--max-warnings', '0', '--no-error-on-unmatched-pattern', '--cache', '--cache-location', '.toolchain/eslint-cache', ...sourceFolders)),
};
