import { randomUUID } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KeptInstance } from './keep-instance.ts';
import { OperatorError } from './operator-error.ts';
import { signal } from './process-info.ts';
import { replaceFile } from './replace-file.ts';
import { currentRun, type RunRecord, type RollingRestart, writeRun } from './run-record.ts';
import type { StateFolder } from './state-folder.ts';

/** Tells a controller that there is a request in its state folder. */
const requested = 'SIGUSR2';

/** What a controller is asked for. */
interface RestartRequest {
  id: string;
  /** In this order. */
  instances: string[];
}

/** Lets this process, a controller, heed requests for a rolling restart, once its processes serve; gives what ends that. */
export function restartOnRequest(folder: StateFolder, run: RunRecord, kept: Promise<readonly KeptInstance[]>): () => void {
  let [work, stopped] = [Promise.resolve(), false];
  const heed = () => {
    work = work.then(async () => (stopped ? undefined : roll(folder, run, await kept, () => stopped))).catch(() => {});
  };
  process.on(requested, heed);
  return () => {
    stopped = true;
    process.off(requested, heed);
  };
}

async function roll(folder: StateFolder, run: RunRecord, kept: readonly KeptInstance[], isStopped: () => boolean): Promise<void> {
  const { id, instances } = JSON.parse(readFileSync(folder.restart, 'utf8')) as RestartRequest;
  if (run.rolling?.id === id) return;
  const rolling: RollingRestart = (run.rolling = { id, done: [], ended: false });
  try {
    for (const name of instances) {
      if (isStopped()) throw new OperatorError('the deployment was stopped');
      await kept.find(({ instance }) => instance.name === name)!.keeper.replace();
      rolling.done.push(name);
      writeRun(folder, run);
    }
  } catch (error) {
    rolling.problem = (error as Error).message;
  }
  rolling.ended = true;
  if (!isStopped()) writeRun(folder, run);
}

/** The instances that a person means by the name of a process or of an instance; all if none is named. Throws an `OperatorError` if there is none. */
export function instancesNamed({ instances }: Pick<RunRecord, 'instances'>, wanted: string | undefined): string[] {
  const named = instances.filter(({ name, process }) => wanted === undefined || name === wanted || process === wanted).map(({ name }) => name);
  if (named.length === 0) throw new OperatorError(`there is no process "${wanted}"; there are ${instances.map(({ name }) => name).join(', ')}`);
  return named;
}

/**
 * Asks the controller of a running deployment to let each of these instances give its place to a new one, the next when the
 * one before serves; `onDone` hears of each. Throws an `OperatorError` if one can not start: it and those behind it run on as
 * they were.
 */
export async function requestRollingRestart(folder: StateFolder, instances: string[], onDone: (instance: string) => void): Promise<void> {
  const id = randomUUID();
  replaceFile(folder.restart, JSON.stringify({ id, instances } satisfies RestartRequest));
  const told = new Set<string>();
  try {
    for (signal(requireRun(folder).controller, requested); ; await sleep(50)) {
      const { rolling } = requireRun(folder);
      if (rolling?.id !== id) continue;
      for (const name of rolling.done) if (!told.has(name)) onDone(name);
      rolling.done.forEach((name) => told.add(name));
      if (!rolling.ended) continue;
      if (rolling.problem === undefined) return;
      throw new OperatorError(`${instances[rolling.done.length]} could not be started anew, so it runs on as it was: ${rolling.problem}`);
    }
  } finally {
    rmSync(folder.restart, { force: true });
  }
}

function requireRun(folder: StateFolder): RunRecord {
  const run = currentRun(folder);
  if (!run) throw new OperatorError(`${folder.name} is not running; start it with ./mainstay up`);
  return run;
}
