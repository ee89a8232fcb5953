import type { Command } from 'commander';
import { currentRun, currentRuns, deploymentName, instancesNamed, OperatorError, requestRollingRestart, type RunRecord, stateFolder } from '@mainstay/deploy';
import { globalOptions } from '../global-options.ts';

export default (command: Command) => command
  .argument('[process]', 'a process of the placement, or one of its shards or replicas; all if absent')
  .description('Start the processes of a deployment anew, one after the other: each goes on until the new one in its place serves. If one can not start, the rest run on as they are.')
  .action(async (process: string | undefined) => {
    const { deployment, json } = globalOptions(command);
    const run = whichRuns(deployment);
    if (run.state === 'starting') throw new OperatorError(`${run.name} is still being started; try again in a moment`);
    const instances = instancesNamed(run, process);
    await requestRollingRestart(stateFolder(run.name), instances, (name) => { if (!json) print(`${name} is started anew`); });
    if (json) print(JSON.stringify({ name: run.name, restarted: instances }, null, 2));
  });

const print = (line: string) => void process.stdout.write(`${line}\n`);

function whichRuns(deployment: string | undefined): RunRecord {
  const runs = deployment ? [currentRun(stateFolder(deploymentName(deployment)))].filter((run) => run !== undefined) : currentRuns();
  if (runs.length > 1) throw new OperatorError(`several deployments run; choose with --deployment: ${runs.map(({ name }) => name).join(', ')}`);
  if (!runs[0]) throw new OperatorError(`${deployment ?? 'the deployment'} is not running; start it with ./mainstay up`);
  return runs[0];
}
