import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { extname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CommandTools } from '@mainstay/kernel';
import { Format, PromisesService } from '../contract/index.ts';
import { ownTimeZone } from './show-promise.ts';

/** Writes the person's promises into a file, or onto the terminal. */
export async function exportFile(cli: CommandTools, { format, output }: { format?: string; output?: string }): Promise<void> {
  const written = (format ?? (output && { '.ics': 'ICS', '.csv': 'CSV' }[extname(output).toLowerCase()]) ?? 'JSON') as keyof typeof Format;
  const client = await cli.client(PromisesService);
  const pieces = client.exportPromises({ format: Format[written], timeZone: ownTimeZone() });
  const bytes = Readable.from(contents(pieces));
  if (!output) return pipeline(bytes, process.stdout, { end: false });
  // A file that was there stays whole until the new one is complete.
  const unfinished = `${output}.part`;
  await pipeline(bytes, createWriteStream(unfinished, { mode: 0o600 })).catch(async (error: NodeJS.ErrnoException) => {
    await rm(unfinished, { force: true });
    throw error.syscall === 'open' ? new Error(`${output} can't be written (${error.code})`) : error;
  });
  await rename(unfinished, output);
  cli.print(cli.json ? JSON.stringify({ output }) : `exported to ${output}`);
}

async function* contents(pieces: AsyncIterable<{ content: Uint8Array }>): AsyncGenerator<Buffer> {
  for await (const { content } of pieces) yield Buffer.from(content);
}
