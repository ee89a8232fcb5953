import { existsSync, globSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Phase } from '@mainstay/kernel';
import { OperatorError } from './operator-error.ts';
import { projectRoot } from './state-folder.ts';

const folder = join(projectRoot, 'deploy/deployments');

/** The file of a deployment, given as a path or by the name of a file in `deploy/deployments/`. */
export function findDeploymentFile(wanted = 'demo'): string {
  const named = join(folder, `${wanted}.yaml`);
  const path = /[/.]/.test(wanted) || !existsSync(named) ? resolve(wanted) : named;
  if (existsSync(path)) return path;
  const names = globSync('*.yaml', { cwd: folder }).map((file) => basename(file, '.yaml')).sort();
  throw new OperatorError(`there is no deployment "${wanted}"; give the path of a deployment file, or one of these names: ${names.join(', ')}`);
}

/** What the controller needs to know of a deployment before it starts anything. */
export interface DeploymentSummary {
  name: string;
  phase: Phase;
  http: { host: string; port: number };
  modules: string[];
}
