import { appendFileSync, closeSync, existsSync, fstatSync, openSync, readSync, renameSync, statSync } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

const largest = 10 * 1024 * 1024;

/** Moves a log of more than 10 MiB aside, over the one that was moved before. */
export function rotateLog(file: string): void {
  if (existsSync(file) && statSync(file).size > largest) renameSync(file, `${file}.1`);
}

/** The size of a file in bytes; 0 if it is absent. */
export const sizeOf = (file: string): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;

/** Gives the lines that are added to a file from `offset` on, each time it is asked; a partial line waits. */
export function lineReader(file: string, offset: number): () => string[] {
  let position = offset;
  let rest = '';
  let decoder = new StringDecoder('utf8');
  return () => {
    if (!existsSync(file)) return [];
    const descriptor = openSync(file, 'r');
    try {
      const { size } = fstatSync(descriptor);
      if (size < position) [position, rest, decoder] = [0, '', new StringDecoder('utf8')];
      const chunk = Buffer.alloc(size - position);
      position += readSync(descriptor, chunk, 0, chunk.length, position);
      const lines = (rest + decoder.write(chunk)).split('\n');
      rest = lines.pop()!;
      return lines.filter((line) => line !== '');
    } finally {
      closeSync(descriptor);
    }
  };
}

/** Calls `show` with each line added to a file from now on, or from `offset`; gives the function that ends it. */
export function followLog(file: string, show: (line: string) => void, offset = sizeOf(file)): () => void {
  const read = lineReader(file, offset);
  const look = () => read().forEach(show);
  look();
  const timer = setInterval(look, 200);
  return () => {
    clearInterval(timer);
    look();
  };
}

/** Adds a warning to a log, as the processes of the deployment do, about one of them if it is named; where the disk is full it is lost, and nothing else is. */
export function warnInLog(file: string, msg: string, process?: string): void {
  try {
    appendFileSync(file, `${isTorn(file) ? '\n' : ''}${JSON.stringify({ level: 'warn', time: new Date().toISOString(), ...(process !== undefined && { process }), msg })}\n`, { mode: 0o600 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

/** Whether a log ends in the middle of a line: a full disk cut it, and who wrote it may be gone. */
function isTorn(file: string): boolean {
  const size = sizeOf(file);
  if (size === 0) return false;
  const descriptor = openSync(file, 'r');
  try {
    const last = Buffer.alloc(1);
    readSync(descriptor, last, 0, 1, size - 1);
    return last.toString() !== '\n';
  } finally {
    closeSync(descriptor);
  }
}
