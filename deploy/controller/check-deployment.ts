import { execFile } from 'node:child_process';
import { join } from 'node:path';
import type { DeploymentSummary } from './deployment-file.ts';
import { OperatorError } from './operator-error.ts';

/** Reads a deployment file and checks all of it. Throws an `OperatorError` that names everything that is wrong. */
export async function checkDeployment(file: string): Promise<DeploymentSummary> {
  const { failed, stdout, stderr } = await new Promise<{ failed: boolean; stdout: string; stderr: string }>((resolve) => {
    execFile(process.execPath, [join(import.meta.dirname, 'print-deployment.ts'), file], (error, stdout, stderr) => resolve({ failed: error !== null, stdout, stderr }));
  });
  if (failed) throw new OperatorError(stderr.trim() || `${file} could not be read`);
  return JSON.parse(stdout) as DeploymentSummary;
}
