import { setTimeout as sleep } from 'node:timers/promises';
import { findRunning, stopEmbeddedPostgres } from '@mainstay/kernel/postgres';
import { isAlive, type ProcessIdentity, signal } from './process-info.ts';
import { lastRun, processesOf, removeRun, type RunRecord } from './run-record.ts';
import type { StateFolder } from './state-folder.ts';

/** How long a controller may take to end what it started, in milliseconds. */
const patience = 45_000;

/** Stops a deployment, also one whose controller was killed and left processes behind. False if nothing ran. */
export async function stopDeployment(folder: StateFolder): Promise<boolean> {
  const run = lastRun(folder);
  const ran = (run ? [run.controller, ...processesOf(run)] : []).some(isAlive) || findRunning(folder.postgres) !== undefined;
  if (run) await endProcess(run.controller, patience);
  await endLeftovers(run);
  await stopEmbeddedPostgres(folder.postgres);
  removeRun(folder);
  return ran;
}

/** Ends the processes that a killed controller left behind. */
export async function endLeftovers(run: RunRecord | undefined): Promise<void> {
  if (run) await Promise.all(processesOf(run).map((process) => endProcess(process, 12_000)));
}

async function endProcess(target: ProcessIdentity, patience: number): Promise<void> {
  signal(target, 'SIGTERM');
  for (const until = performance.now() + patience; isAlive(target); await sleep(20)) {
    if (performance.now() > until) signal(target, 'SIGKILL');
  }
}
