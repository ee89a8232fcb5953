import { existsSync, statfsSync } from 'node:fs';
import { OperatorError } from './operator-error.ts';

const MEBIBYTE = 1024 * 1024;
/** With less PostgreSQL may end, and then not start. */
const LEAST = 48 * MEBIBYTE;

/** Does work in a folder; where it fails and the disk has hardly any room, or fails for want of it, the error says that too. */
export async function tellingFullDisk<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const free = existsSync(directory) ? roomIn(directory) : Infinity;
    if (free >= LEAST && !isForWantOfRoom(error)) throw error;
    throw new OperatorError(`${(error as Error).message}\nthe disk of ${directory} is full (${Math.floor(free / MEBIBYTE)} MiB are free): make room and try again`, { cause: error });
  }
}

function roomIn(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** Files report `ENOSPC`, PostgreSQL 53100 (disk_full), of its own disk. */
function isForWantOfRoom(error: unknown): boolean {
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  return code === 'ENOSPC' || (code === '53100' && !process.env.DATABASE_URL) || (cause instanceof Error && isForWantOfRoom(cause));
}
