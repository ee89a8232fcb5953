import { existsSync } from 'node:fs';
import { keptPlacement, modulesIn, requireSettled } from './chosen-placement.ts';
import { nameIn } from './deployment-file.ts';
import { OperatorError } from './operator-error.ts';
import { stateFolder } from './state-folder.ts';

/**
 * The placement of a process that is started alone, where none is named: that of the last start of its deployment from here.
 * Throws an `OperatorError` that says which placements have such a process, if there was no start or that placement has none.
 */
export async function placementOfProcess(process: string, deploymentFile: string): Promise<string> {
  const { outlinePlacement, placementNames } = await import('@mainstay/kernel/placement');
  const modules = await modulesIn(deploymentFile);
  const namesIn = (placement: string) => outlinePlacement(placement, modules).instances.map((instance) => instance.name);
  const deployment = nameIn(deploymentFile);
  const folder = deployment === undefined ? undefined : stateFolder(deployment);
  let why = `${deployment ?? 'the deployment'} was never started from here, so that its placement is not known`;
  if (folder && existsSync(folder.placement)) {
    requireSettled(folder, deploymentFile);
    const { placement } = keptPlacement(folder);
    const names = namesIn(placement);
    if (names.includes(process)) return placement;
    why = `the placement of its last start, ${placement}, has no process "${process}"; there are ${names.join(', ')}`;
  }
  const fitting = placementNames().filter((placement) => namesIn(placement).includes(process));
  const which = fitting.length > 0 ? `${fitting.join(', ')} ${fitting.length === 1 ? 'has' : 'have'} such a process` : `none of ${placementNames().join(', ')} has such a process`;
  throw new OperatorError(`${why}; name it with --placement: ${which}`);
}
