import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { OperatorError, projectRoot } from '@mainstay/deploy';

/** Generates code from the contracts anew; throws an `OperatorError` with the line of a contract that is wrong. */
export const regenerateContracts = (): Promise<void> => new Promise((resolve, reject) => {
  execFile(process.execPath, [join(projectRoot, 'tools/generate-contracts.ts')], { cwd: projectRoot }, (error, _, stderr) => {
    if (error) reject(new OperatorError(`the contracts could not be generated; mend them and save again\n${stderr.split(/\nnode:internal|\n {4}at /)[0]!.trim()}`));
    else resolve();
  });
});
