import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { storageError, type ReceivedContent } from './file-storage.ts';

const headBytes = 64 * 1024;

/** Content that was received into a file of its own, which belongs to whoever keeps it. */
export interface IncomingFile extends Pick<ReceivedContent, 'size' | 'sha256' | 'head'> {
  path: string;
}

/** Receives contents into temporary files of a folder. */
export class Incoming {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Writes content into a file and counts, hashes and flushes it. Leaves nothing if that fails. */
  async receive(content: AsyncIterable<Uint8Array>): Promise<IncomingFile> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const path = join(this.#folder, randomUUID());
    const hash = createHash('sha256');
    let size = 0;
    let head: Uint8Array = new Uint8Array();
    const measured = async function* (chunks: AsyncIterable<Uint8Array>) {
      for await (const chunk of chunks) {
        size += chunk.length;
        hash.update(chunk);
        if (head.length < headBytes) head = Buffer.concat([head, chunk.subarray(0, headBytes - head.length)]);
        yield chunk;
      }
    };
    try {
      await pipeline(content, measured, createWriteStream(path, { flags: 'wx', mode: 0o600, flush: true }));
    } catch (error) {
      await rm(path, { force: true });
      throw storageError(error);
    }
    return { path, size, sha256: hash.digest('hex'), head };
  }

  /** Removes what a process that was killed left. */
  async removeRemnants(before: Date): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    for (const name of names) {
      const path = join(this.#folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found && found.mtime < before) await rm(path, { force: true });
    }
  }
}
