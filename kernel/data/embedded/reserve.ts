import { rmSync, statfsSync } from 'node:fs';
import { rename, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const BYTES = 32 * 1024 * 1024;
const PLENTY = 8 * BYTES;

const fileIn = (directory: string): string => join(directory, 'reserve');

/**
 * Keeps room beside PostgreSQL's data that is given up when the disk is full: recovery writes, and would otherwise
 * fail again and again, so that nothing could even be read.
 */
export async function makeReserve(directory: string): Promise<void> {
  const file = fileIn(directory);
  const made = await stat(file).catch(() => undefined);
  if (made?.size === BYTES) return;
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < PLENTY) return;
  await writeFile(`${file}.unfinished`, Buffer.alloc(BYTES, 1), { mode: 0o600 });
  await rename(`${file}.unfinished`, file);
}

/** Gives the reserve up, if the disk has less room than it. */
export function useReserve(directory: string): void {
  const { bavail, bsize } = statfsSync(directory);
  if (bavail * bsize < BYTES) for (const file of [fileIn(directory), `${fileIn(directory)}.unfinished`]) rmSync(file, { force: true });
}
