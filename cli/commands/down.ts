import type { Command } from 'commander';
import { currentRuns, deploymentName, OperatorError, stateFolder, stateFolders, stopDeployment } from '@mainstay/deploy';
import { terminalSteps } from '@mainstay/deploy/steps';
import { globalOptions } from '../global-options.ts';

export default (command: Command) => command
  .description('Stop a deployment, also one whose processes were left behind.')
  .action(async () => {
    const { deployment, json } = globalOptions(command);
    const print = (result: { name?: string; stopped: boolean }, text: string) => void process.stdout.write(`${json ? JSON.stringify(result, null, 2) : text}\n`);
    const name = deployment ? deploymentName(deployment) : whatRuns();
    if (!stateFolders().some((folder) => folder.name === name)) {
      if (deployment) throw new OperatorError(`there is no deployment "${name}" here; ./mainstay status lists them`);
      return print({ stopped: false }, 'nothing is running');
    }
    const stopped = await terminalSteps().step(`stopping ${name}`, () => stopDeployment(stateFolder(name)));
    print({ name, stopped }, stopped ? `${name} is stopped; its data is kept` : `${name} was not running`);
  });

/** The only deployment that runs; the demo if none does, for what a killed one left. */
function whatRuns(): string {
  const runs = currentRuns();
  if (runs.length > 1) throw new OperatorError(`several deployments run; choose with --deployment: ${runs.map(({ name }) => name).join(', ')}`);
  return runs[0]?.name ?? 'demo';
}
