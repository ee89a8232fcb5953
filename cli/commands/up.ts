import type { Command } from 'commander';
import { AlreadyRunning, deploymentStatus, OperatorError, type RunRecord, runDeployment, startDetached, stateFolder } from '@mainstay/deploy';
import { terminalSteps } from '@mainstay/deploy/steps';
import { globalOptions } from '../global-options.ts';
import { parsePort } from '../parse-port.ts';
import { showStarted } from '../show-started.ts';
import { stayUntilStopped, stopSignal } from '../stay-until-stopped.ts';

export default (command: Command) => command
  .description('Start a deployment: check its file, start PostgreSQL, then the process. Ctrl-C stops it.')
  .option('--detach', 'return when it is ready, and leave it running')
  .option('--port <number>', 'instead of the port in the deployment file; operators get a free one, unless the file names theirs', parsePort)
  .action(async ({ detach, port }: { detach?: boolean; port?: number }) => {
    const { deployment, json } = globalOptions(command);
    const show = (started: { run: RunRecord; modules: readonly string[] }) => (json ? printStatus(started.run.name) : showStarted(started));
    const options = { ...(deployment && { deployment }), ...(port !== undefined && { port }) };
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
      if (json) await printStatus(error.run.name);
      else process.stdout.write(`${error.message}\n`);
    }
  });

/** What `status --json` says of it. */
const printStatus = async (name: string): Promise<void> =>
  void process.stdout.write(`${JSON.stringify({ deployments: [await deploymentStatus(stateFolder(name))] }, null, 2)}\n`);
