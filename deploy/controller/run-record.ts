import { readFileSync, rmSync } from 'node:fs';
import type { Phase } from '@mainstay/kernel';
import type { Instance } from '@mainstay/kernel/placement';
import { isAlive, type ProcessIdentity } from './process-info.ts';
import { replaceFile } from './replace-file.ts';
import { type StateFolder, stateFolders } from './state-folder.ts';

/** What runs of a deployment: `run.json` in its state folder. */
export interface RunRecord {
  name: string;
  /** The deployment file. */
  file: string;
  /** The placement: its name, or its file. */
  placement: string;
  /** Known once the file has been checked. */
  phase?: Phase;
  state: ProcessState;
  /** ISO 8601. */
  started: string;
  /** Where it is reached, once it has been ready. */
  address?: string;
  /** Where operators read metrics and health, once it has been ready; of several processes the first that is public. */
  operatorsAddress?: string;
  /** Modules that do not run, and why. */
  quarantined?: Record<string, string>;
  /** The process that started the others and looks after them. */
  controller: ProcessIdentity;
  instances: InstanceRecord[];
  /** The last rolling restart that was asked for. */
  rolling?: RollingRestart;
  /** The database is the deployment's own, in its state folder. */
  embeddedPostgres: boolean;
}

export type ProcessState = 'starting' | 'running' | 'restarting';

/** One process of a deployment. */
export interface InstanceRecord extends Instance {
  state: ProcessState;
  /** How often it was started again after it had ended by itself. */
  restarts: number;
  /** Where the others call it, if there are others. */
  peer?: string;
  /** Where it is reached from outside, if it has the gateway or is alone. */
  address?: string;
  operatorsAddress?: string;
  quarantined?: Record<string, string>;
  identity?: ProcessIdentity;
  /** Another that is about to take its place, or has just given it up. */
  beside?: ProcessIdentity;
}

/** One process after the other gives its place to a new one. */
export interface RollingRestart {
  /** Of the request. */
  id: string;
  /** The instances that are through. */
  done: string[];
  /** All are through, or one could not start. */
  ended: boolean;
  problem?: string;
}

/** Every process that a run started, but for the database. */
export const processesOf = ({ instances = [] }: Pick<RunRecord, 'instances'>): ProcessIdentity[] => instances.flatMap(({ identity, beside }) => [identity, beside].filter((process) => process !== undefined));

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
