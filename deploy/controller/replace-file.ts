import { renameSync, rmSync, writeFileSync } from 'node:fs';

/** Writes a file that only its owner may read; a reader, or a crash, sees the old content or the new, never half. */
export function replaceFile(file: string, content: string): void {
  const unfinished = `${file}.${process.pid}`;
  try {
    writeFileSync(unfinished, content, { mode: 0o600 });
    renameSync(unfinished, file);
  } finally {
    rmSync(unfinished, { force: true });
  }
}
