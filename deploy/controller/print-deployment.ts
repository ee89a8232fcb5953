/**
 * Checks a deployment file against every module and prints its summary as JSON; run as a process of its own, so that
 * the controller never holds the modules' code in memory.
 */
import { readFileSync } from 'node:fs';
import { readDeployment } from '@mainstay/kernel/deployment';
import { modules } from '@mainstay/main/modules';
import { parse } from 'yaml';
import type { DeploymentSummary } from './deployment-file.ts';
import { deploymentEnvironment } from './secrets.ts';
import { stateFolder } from './state-folder.ts';

const file = process.argv[2]!;
try {
  const { name, phase, http, modules: enabled } = readDeployment(file, modules, environment());
  const summary: DeploymentSummary = { name, phase, http: { host: http.host, port: http.port }, modules: enabled.map(({ module }) => module.name) };
  process.stdout.write(JSON.stringify(summary));
} catch (error) {
  process.stderr.write((error as Error).name === 'StartError' ? (error as Error).message : String((error as Error).stack));
  process.exitCode = 1;
}

/** The deployment's secrets lie in the folder that its name gives. */
function environment(): NodeJS.ProcessEnv {
  try {
    return deploymentEnvironment(stateFolder(String((parse(readFileSync(file, 'utf8')) as { name: string }).name)));
  } catch {
    return process.env;
  }
}
