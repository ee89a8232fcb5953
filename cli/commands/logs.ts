import type { Command } from 'commander';
import { currentRuns, deploymentName, findDeploymentFile, followLog, formatLogLine, isOfProcess, lineReader, OperatorError, sizeOf, stateFolder, stateFolders } from '@mainstay/deploy';
import { globalOptions } from '../global-options.ts';
import { parseCount } from '../parse-count.ts';

export default (command: Command) => command
  .description('Show the log of a deployment, running or not. With --json the lines as they are.')
  .option('-f, --follow', 'go on showing what is added')
  .option('-n, --lines <count>', 'how many of the last lines', parseCount, 200)
  .option('-p, --process <name>', 'only what this process of a placement wrote, and what is told of it')
  .action(async ({ follow, lines, process: only }: { follow?: boolean; lines: number; process?: string }) => {
    const { deployment = whatRuns(), json } = globalOptions(command);
    const name = deploymentName(deployment);
    if (!stateFolders().some((folder) => folder.name === name)) findDeploymentFile(deployment);
    const { log } = stateFolder(name);
    if (sizeOf(log) === 0 && !follow) throw new OperatorError(`${deployment} has no log yet; start it with ./mainstay up`);
    const show = (line: string) => process.stdout.write(`${json ? line : formatLogLine(line, { colour: process.stdout.isTTY })}\n`);
    const isWanted = (line: string) => only === undefined || isOfProcess(line, only);
    const end = sizeOf(log);
    lineReader(log, 0)().filter(isWanted).slice(-lines).forEach(show);
    if (!follow) return;
    process.stdout.on('error', () => process.exit(0));
    followLog(log, (line) => { if (isWanted(line)) show(line); }, end);
    await new Promise(() => {});
  });

/** The only deployment that runs, else the demo. */
function whatRuns(): string {
  const [only, ...others] = currentRuns().map(({ name }) => name);
  if (only && others.length > 0) throw new OperatorError(`several deployments run; choose with --deployment: ${[only, ...others].join(', ')}`);
  return only ?? 'demo';
}
