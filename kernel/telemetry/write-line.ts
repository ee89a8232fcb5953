import { openSync, writeSync } from 'node:fs';

const MOST_PAUSES = 100;
const PAUSE_MILLISECONDS = 10;
const pause = new Int32Array(new SharedArrayBuffer(4));

/**
 * Gives what writes lines to a file, or to the standard output, at once. Where the disk is full, or nobody reads any more,
 * lines are lost and nothing else happens: whatever wrote them goes on.
 */
export function lineWriter(file: string | undefined): (line: string) => void {
  const descriptor = file === undefined ? 1 : openSync(file, 'a', 0o600);
  let torn = false;
  return (line) => {
    const bytes = Buffer.from(torn ? `\n${line}` : line);
    const written = writeAll(descriptor, bytes);
    // The next line must not go on in the middle of this one.
    if (written > 0) torn = written < bytes.length;
  };
}

function writeAll(descriptor: number, bytes: Buffer): number {
  for (let written = 0, pauses = 0; ; ) {
    try {
      written += writeSync(descriptor, bytes, written);
      if (written === bytes.length) return written;
    } catch (error) {
      // A pipe whose reader is slow.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || pauses++ === MOST_PAUSES) return written;
      Atomics.wait(pause, 0, 0, PAUSE_MILLISECONDS);
    }
  }
}
