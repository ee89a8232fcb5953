import { accessSync, constants, statfsSync } from 'node:fs';
import { freemem, tmpdir } from 'node:os';

/** Where Linux keeps files in memory (tmpfs). */
const memory = '/dev/shm';
/** Twice the room, in bytes, that the files of all tests at a time need at most. */
const enough = 12 * 2 ** 30;

/** A folder for temporary files: in memory where there is plenty, so that tests do not wait for a disk; else the system's. */
export function folderInMemory(): string {
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    return Math.min(bavail * bsize, freemem()) > enough ? memory : tmpdir();
  } catch {
    return tmpdir();
  }
}
