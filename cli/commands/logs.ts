import type { Command } from 'commander';
import { currentRuns, deploymentName, findDeploymentFile, followLog, formatLogLine, lineReader, OperatorError, sizeOf, stateFolder, stateFolders } from '@mainstay/deploy';
import { globalOptions } from '../global-options.ts';
import { parseCount } from '../parse-count.ts';

export default (command: Command) => command
  .description('Show the log of a deployment, running or not. With --json the lines as they are.')
  .option('-f, --follow', 'go on showing what is added')
  .option('-n, --lines <count>', 'how many of the last lines', parseCount, 200)
  .action(async ({ follow, lines }: { follow?: boolean; lines: number }) => {
    const { deployment = whatRuns(), json } = globalOptions(command);
    const name = deploymentName(deployment);
    if (!stateFolders().some((folder) => folder.name === name)) findDeploymentFile(deployment);
    const { log } = stateFolder(name);
    if (sizeOf(log) === 0 && !follow) throw new OperatorError(`${deployment} has no log yet; start it with ./mainstay up`);
    const show = (line: string) => process.stdout.write(`${json ? line : formatLogLine(line, { colour: process.stdout.isTTY })}\n`);
    const end = sizeOf(log);
    lineReader(log, 0)().slice(-lines).forEach(show);
    if (!follow) return;
    process.stdout.on('error', () => process.exit(0));
    followLog(log, show, end);
    await new Promise(() => {});
  });

/** The only deployment that runs, else the demo. */
function whatRuns(): string {
  const [only, ...others] = currentRuns().map(({ name }) => name);
  if (only && others.length > 0) throw new OperatorError(`several deployments run; choose with --deployment: ${[only, ...others].join(', ')}`);
  return only ?? 'demo';
}
