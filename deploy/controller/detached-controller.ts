/** The controller of a deployment that runs in the background; started by `start-detached.ts`. */
import { AlreadyRunning, runDeployment, type RunOptions } from './run-deployment.ts';
import type { ControllerMessage } from './start-detached.ts';
import type { Steps } from './steps.ts';

const cancel = new AbortController();
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, () => cancel.abort());

const send = (message: ControllerMessage) => { if (process.connected) process.send!(message); };

const steps: Steps = {
  line: (text) => send({ type: 'line', text }),
  async step(name, work) {
    send({ type: 'begin', name });
    let ok = false;
    try {
      const result = await work((text) => send({ type: 'detail', text }));
      ok = true;
      return result;
    } finally {
      send({ type: 'end', ok });
    }
  },
};

try {
  const { run, modules, stop } = await runDeployment(JSON.parse(process.argv[2]!) as RunOptions, steps, cancel.signal);
  send({ type: 'started', run, modules });
  if (!cancel.signal.aborted) await new Promise((resolve) => cancel.signal.addEventListener('abort', resolve));
  await stop();
  process.exit(0);
} catch (error) {
  send(error instanceof AlreadyRunning ? { type: 'already', run: error.run } : { type: 'failed', message: (error as Error).message });
  process.disconnect?.();
  process.exitCode = 1;
}
