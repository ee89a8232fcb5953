import type { Command } from 'commander';
import { currentRuns, deploymentName, OperatorError, stateFolder, stateFolders, stopDeployment } from '@mainstay/deploy';
import { terminalSteps } from '@mainstay/deploy/steps';
import { globalOptions } from '../global-options.ts';

export default (command: Command) => command
  .description('Stop a deployment, also one whose processes were left behind.')
  .action(async () => {
    const { deployment } = globalOptions(command);
    const name = deployment ? deploymentName(deployment) : whatRuns();
    if (!stateFolders().some((folder) => folder.name === name)) {
      if (deployment) throw new OperatorError(`there is no deployment "${name}" here; ./mainstay status lists them`);
      return void process.stdout.write('nothing is running\n');
    }
    const ran = await terminalSteps().step(`stopping ${name}`, () => stopDeployment(stateFolder(name)));
    process.stdout.write(ran ? `${name} is stopped; its data is kept\n` : `${name} was not running\n`);
  });

/** The only deployment that runs; the demo if none does, for what a killed one left. */
function whatRuns(): string {
  const runs = currentRuns();
  if (runs.length > 1) throw new OperatorError(`several deployments run; choose with --deployment: ${runs.map(({ name }) => name).join(', ')}`);
  return runs[0]?.name ?? 'demo';
}
