import { followLog, formatLogLine, type RunningDeployment } from '@mainstay/deploy';
import type { Steps } from '@mainstay/deploy/steps';

/** Aborts at Ctrl-C, or when the system or the terminal asks to end. */
export function stopSignal(): AbortSignal {
  const controller = new AbortController();
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, () => controller.abort());
  return controller.signal;
}

/** Shows warnings and errors from the log until the signal, then stops the deployment. */
export async function stayUntilStopped(running: RunningDeployment, steps: Steps, stopped: AbortSignal): Promise<void> {
  const colour = process.stderr.isTTY;
  const unfollow = followLog(running.folder.log, (line) => {
    const text = formatLogLine(line, { colour, least: 'warn' });
    if (text) steps.line(text);
  });
  if (!stopped.aborted) await new Promise((resolve) => stopped.addEventListener('abort', resolve));
  unfollow();
  await steps.step(`stopping ${running.run.name}`, () => running.stop());
}
