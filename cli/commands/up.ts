import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AlreadyRunning, deploymentStatus, OperatorError, type RunRecord, runDeployment, startDetached, stateFolder } from '@mainstay/deploy';
import { terminalSteps } from '@mainstay/deploy/steps';
import { globalOptions } from '../global-options.ts';
import { parsePort } from '../parse-port.ts';
import { showStarted } from '../show-started.ts';
import { stayUntilStopped, stopSignal } from '../stay-until-stopped.ts';

export default (command: Command) => command
  .description('Start a deployment: check its file, start PostgreSQL, then its processes. Ctrl-C stops it.')
  .option('--detach', 'return when it is ready, and leave it running')
  .option('--port <number>', 'instead of the port in the deployment file; operators get a free one, unless the file names theirs', parsePort)
  .option('--placement <file|name>', 'which process runs which module: a placement file, or a name in deploy/placements/; that of the last start, or one process')
  .action(async ({ detach, port, placement }: { detach?: boolean; port?: number; placement?: string }) => {
    const { deployment, json } = globalOptions(command);
    const show = (started: { run: RunRecord; modules: readonly string[] }) => (json ? printStatus(started.run.name) : showStarted(started));
    const options = { ...(deployment && { deployment }), ...(port !== undefined && { port }), ...(placement !== undefined && { placement }) };
    const steps = terminalSteps();
    try {
      if (detach) return await show(await startDetached(options, steps));
      const stopped = stopSignal();
      const running = await runDeployment(options, steps, stopped);
      await show(running);
      if (!json) process.stdout.write('Ctrl-C stops it.\n');
      await stayUntilStopped(running, steps, stopped);
    } catch (error) {
      if (!(error instanceof AlreadyRunning)) throw error;
      if (port && port !== Number(new URL(error.run.address ?? 'http://localhost:0').port)) throw new OperatorError(`${error.message}; to have it on port ${port}, stop it first with ./mainstay down`);
      if (placement && !isPlacement(error.run, placement)) throw new OperatorError(`${error.message} in the placement ${error.run.placement}; to have it in another, stop it first with ./mainstay down`);
      if (json) await printStatus(error.run.name);
      else process.stdout.write(`${error.message}\n`);
    }
  });

const isPlacement = ({ placement }: RunRecord, wanted: string): boolean => placement === wanted || placement === resolve(wanted);

/** What `status --json` says of it. */
const printStatus = async (name: string): Promise<void> =>
  void process.stdout.write(`${JSON.stringify({ deployments: [await deploymentStatus(stateFolder(name))] }, null, 2)}\n`);
