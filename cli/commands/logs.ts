import type { Command } from 'commander';
import { deploymentName, followLog, formatLogLine, lineReader, OperatorError, sizeOf, stateFolder } from '@mainstay/deploy';
import { globalOptions } from '../global-options.ts';
import { parseCount } from '../parse-count.ts';

export default (command: Command) => command
  .description('Show the log of a deployment, running or not. With --json the lines as they are.')
  .option('-f, --follow', 'go on showing what is added')
  .option('-n, --lines <count>', 'how many of the last lines', parseCount, 200)
  .action(async ({ follow, lines }: { follow?: boolean; lines: number }) => {
    const { deployment = 'demo', json } = globalOptions(command);
    const { log } = stateFolder(deploymentName(deployment));
    if (sizeOf(log) === 0 && !follow) throw new OperatorError(`${deployment} has no log yet; start it with ./mainstay up`);
    const show = (line: string) => process.stdout.write(`${json ? line : formatLogLine(line, { colour: process.stdout.isTTY })}\n`);
    const end = sizeOf(log);
    lineReader(log, 0)().slice(-lines).forEach(show);
    if (!follow) return;
    process.stdout.on('error', () => process.exit(0));
    followLog(log, show, end);
    await new Promise(() => {});
  });
