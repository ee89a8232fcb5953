import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { OperatorError } from './operator-error.ts';
import { lastRun } from './run-record.ts';
import { projectRoot, stateFolders } from './state-folder.ts';

const folder = join(projectRoot, 'deploy/deployments');

/** The file of a deployment, given as a path or by the name of a file in `deploy/deployments/`. */
export function findDeploymentFile(wanted = 'demo'): string {
  const named = join(folder, `${wanted}.yaml`);
  const path = /[/.]/.test(wanted) || !existsSync(named) ? resolve(wanted) : named;
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) return path;
  const names = globSync('*.yaml', { cwd: folder }).map((file) => basename(file, '.yaml')).sort();
  throw new OperatorError(`there is no deployment "${wanted}"; give the path of a deployment file, or one of these names: ${names.join(', ')}`);
}

/** The name of a deployment that is given by name, or by its file; of one that runs, also if the file is gone or names another by now. */
export function deploymentName(wanted: string): string {
  if (!/[/.]/.test(wanted)) return wanted;
  const file = resolve(wanted);
  return stateFolders().find((folder) => lastRun(folder)?.file === file)?.name ?? nameIn(findDeploymentFile(wanted)) ?? wanted;
}

/** The name that a deployment file gives; nothing if it gives none that can be a folder's. Its process checks the rest. */
export function nameIn(file: string): string | undefined {
  const [, name] = /^name:[ \t]*["']?([a-z][a-z0-9-]{0,30})["']?[ \t]*(?:#.*)?$/m.exec(readFileSync(file, 'utf8')) ?? [];
  return name;
}
