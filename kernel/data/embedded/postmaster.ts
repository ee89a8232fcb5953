import { readdirSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** A PostgreSQL server process, as its `postmaster.pid` and the system tell. */
export interface Postmaster {
  pid: number;
  socketDirectory: string;
  ready: boolean;
}

/** The server that runs on a data directory, if one does. A process that merely has its old number does not count. */
export function findPostmaster(dataDirectory: string): Postmaster | undefined {
  const lines = readIfAny(join(dataDirectory, 'postmaster.pid'))?.split('\n');
  const pid = Number(lines?.[0]);
  if (!lines || !pid || !worksIn(pid, dataDirectory)) return undefined;
  return { pid, socketDirectory: lines[4] ?? '', ready: lines[7]?.trim() === 'ready' };
}

/**
 * Removes what a killed server left behind. PostgreSQL refuses to start while its lock file names a process that
 * exists, though it may be a zombie nobody reaps or, after a restart of the machine, another program.
 * Call it only while holding the start lock.
 */
export function removeStaleLocks(dataDirectory: string, socketDirectory: string): void {
  if (hasProcess(dataDirectory)) return;
  rmSync(join(dataDirectory, 'postmaster.pid'), { force: true });
  rmSync(join(socketDirectory, '.s.PGSQL.5432.lock'), { force: true });
  rmSync(join(socketDirectory, '.s.PGSQL.5432'), { force: true });
}

/** Whether any process of a server still works on the data directory: its workers outlive a killed postmaster for a moment. */
export function hasProcess(dataDirectory: string): boolean {
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && worksIn(Number(name), dataDirectory));
}

// Every process of a PostgreSQL server has the data directory as its working directory; a zombie has none.
function worksIn(pid: number, directory: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(directory);
  } catch {
    return false;
  }
}

function readIfAny(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}
