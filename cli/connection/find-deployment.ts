import type { Phase } from '@mainstay/kernel';
import { currentRun, currentRuns, deploymentName, OperatorError, type RunRecord, stateFolder } from '@mainstay/deploy';

/** A deployment that serves, and where. */
export type Reachable = RunRecord & { address: string; phase: Phase };

/** The running deployment of this name; without a name the only one that runs. */
export function findDeployment(name?: string): Reachable {
  const run = name ? currentRun(stateFolder(deploymentName(name))) : onlyOne();
  if (!run) throw new OperatorError(`${name ?? 'the deployment'} is not running; start it with ./mainstay up`);
  if (!run.address || !run.phase) throw new OperatorError(`${run.name} is still being started; try again in a moment`);
  return { ...run, address: run.address, phase: run.phase };
}

function onlyOne(): RunRecord | undefined {
  const runs = currentRuns();
  if (runs.length > 1) throw new OperatorError(`several deployments run; choose with --deployment: ${runs.map(({ name }) => name).join(', ')}`);
  return runs[0];
}
