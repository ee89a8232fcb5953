import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { OperatorError } from './operator-error.ts';
import { AlreadyRunning, type RunOptions } from './run-deployment.ts';
import type { RunRecord } from './run-record.ts';
import type { Steps } from './steps.ts';

/** What the controller in the background tells the command that started it. */
export type ControllerMessage =
  | { type: 'begin'; name: string }
  | { type: 'detail'; text: string }
  | { type: 'end'; ok: boolean }
  | { type: 'line'; text: string }
  | { type: 'started'; run: RunRecord; modules: string[] }
  | { type: 'already'; run: RunRecord }
  | { type: 'failed'; message: string };

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Starts a deployment that goes on running when this process ends; resolves when it serves. */
export async function startDetached(options: RunOptions, steps: Steps): Promise<{ run: RunRecord; modules: string[] }> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'detached-controller.ts'), JSON.stringify(options)], { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  const show = showSteps(steps);
  // Until it serves it belongs to this command: Ctrl-C is for it, and it answers that it was stopped.
  const cancel = () => void child.kill('SIGTERM');
  for (const name of signals) process.on(name, cancel);
  try {
    return await new Promise((resolve, reject) => {
      child.on('message', (message: ControllerMessage) => {
        if (message.type === 'started') resolve({ run: message.run, modules: message.modules });
        else if (message.type === 'already') reject(new AlreadyRunning(message.run));
        else if (message.type === 'failed') reject(new OperatorError(message.message));
        else show(message);
      });
      child.on('error', reject);
      child.on('close', (code, signal) => reject(new OperatorError(`the controller ended (${signal ?? code}) before the deployment was ready`)));
    });
  } finally {
    for (const name of signals) process.off(name, cancel);
    if (child.connected) child.disconnect();
    child.unref();
  }
}

/** Shows the steps of another process as if they were taken here. */
function showSteps(steps: Steps): (message: ControllerMessage) => void {
  let current: { say: (text: string) => void; end: (ok: boolean) => void } | undefined;
  const begin = (name: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const end = (ok: boolean) => (ok ? resolve() : reject(new OperatorError(`${name} failed`)));
    steps.step(name, (say) => { current = { say, end }; return promise; }).catch(() => {});
  };
  return (message) => {
    if (message.type === 'begin') begin(message.name);
    else if (message.type === 'detail') current?.say(message.text);
    else if (message.type === 'end') current?.end(message.ok);
    else if (message.type === 'line') steps.line(message.text);
  };
}
