import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { OperatorError } from './operator-error.ts';
import { lastRun } from './run-record.ts';
import { projectRoot, type StateFolder, stateFolder, stateFolders } from './state-folder.ts';

const folder = join(projectRoot, 'deploy/deployments');

/** The file of a deployment, given as a path, or by the name of a file in `deploy/deployments/` or of a deployment that was restored. */
export function findDeploymentFile(wanted = 'demo'): string {
  const places = /[/.]/.test(wanted) ? [resolve(wanted)] : [join(folder, `${wanted}.yaml`), resolve(wanted), deploymentFileIn(stateFolder(wanted))];
  const found = places.find((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
  if (found) return found;
  const restored = stateFolders().filter((state) => existsSync(deploymentFileIn(state))).map(({ name }) => name);
  const names = new Set([...globSync('*.yaml', { cwd: folder }).map((file) => basename(file, '.yaml')), ...restored]);
  throw new OperatorError(`there is no deployment "${wanted}"; give the path of a deployment file, or one of these names: ${[...names].sort().join(', ')}`);
}

/** The deployment file that a restored deployment brought along. */
export const deploymentFileIn = ({ directory }: StateFolder): string => join(directory, 'deployment.yaml');

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
