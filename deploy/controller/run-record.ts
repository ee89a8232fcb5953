import { readFileSync, rmSync } from 'node:fs';
import type { Phase } from '@mainstay/kernel';
import { isAlive, type ProcessIdentity } from './process-info.ts';
import { replaceFile } from './replace-file.ts';
import { type StateFolder, stateFolders } from './state-folder.ts';

/** What runs of a deployment: `run.json` in its state folder. */
export interface RunRecord {
  name: string;
  /** The deployment file. */
  file: string;
  /** Known once the file has been checked. */
  phase?: Phase;
  state: 'starting' | 'running' | 'restarting';
  /** ISO 8601. */
  started: string;
  /** Where it is reached, once it has been ready. */
  address?: string;
  /** Where operators read metrics and health, once it has been ready. */
  operatorsAddress?: string;
  /** Modules that do not run, and why. */
  quarantined?: Record<string, string>;
  /** The process that started the others and looks after them. */
  controller: ProcessIdentity;
  process?: ProcessIdentity;
  /** The database is the deployment's own, in its state folder. */
  embeddedPostgres: boolean;
}

/** What was running when the record was last written; it may all be gone. */
export function lastRun(folder: StateFolder): RunRecord | undefined {
  try {
    return JSON.parse(readFileSync(folder.run, 'utf8')) as RunRecord;
  } catch {
    return undefined;
  }
}

/** What runs of a deployment now: its controller is alive. */
export function currentRun(folder: StateFolder): RunRecord | undefined {
  const run = lastRun(folder);
  return run && isAlive(run.controller) ? run : undefined;
}

export const writeRun = (folder: StateFolder, run: RunRecord): void => replaceFile(folder.run, `${JSON.stringify(run, null, 2)}\n`);

export const removeRun = (folder: StateFolder): void => rmSync(folder.run, { force: true });

/** Every deployment that runs here now. */
export const currentRuns = (): RunRecord[] => stateFolders().flatMap((folder) => currentRun(folder) ?? []);
