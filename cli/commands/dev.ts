import type { Command } from 'commander';
import { runDeployment, watchSources } from '@mainstay/deploy';
import { terminalSteps } from '@mainstay/deploy/steps';
import { globalOptions } from '../global-options.ts';
import { parsePort } from '../parse-port.ts';
import { regenerateContracts } from '../regenerate-contracts.ts';
import { showStarted } from '../show-started.ts';
import { stayUntilStopped, stopSignal } from '../stay-until-stopped.ts';

export default (command: Command) => command
  .description('Start a deployment, and start its processes again after each change of the sources. Ctrl-C stops it.')
  .option('--port <number>', 'instead of the port in the deployment file; operators get a free one, unless the file names theirs', parsePort)
  .option('--placement <file|name>', 'which process runs which module: a placement file, or a name in deploy/placements/; that of the last start, or one process')
  .action(async ({ port, placement }: { port?: number; placement?: string }) => {
    const { deployment } = globalOptions(command);
    const steps = terminalSteps();
    const stopped = stopSignal();
    const running = await runDeployment({ ...(deployment && { deployment }), ...(port !== undefined && { port }), ...(placement !== undefined && { placement }), waitForChange: true }, steps, stopped);
    await showStarted(running);
    const unwatch = watchSources(running.run.file, (paths) => {
      steps.line(`${paths.slice(0, 3).join(', ')}${paths.length > 3 ? ` and ${paths.length - 3} more` : ''} changed`);
      const generated = paths.some((path) => path.endsWith('.proto')) ? regenerateContracts() : Promise.resolve();
      generated.then(() => running.restart()).catch((error: Error) => steps.line(error.message));
    });
    process.stdout.write('Watching the sources. Ctrl-C stops it.\n');
    await stayUntilStopped(running, steps, stopped);
    unwatch();
  });
