import type { Stats } from 'node:fs';
import { mkdir, open, opendir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { checkKey, isKey, storageError, type ByteRange, type FileStorage, type ReceivedContent, type StoredContent } from './file-storage.ts';
import { Incoming } from './incoming.ts';

/** Contents as files below a folder; the last word of a key is split after two letters, so that no folder grows large. */
export class DiskStorage implements FileStorage {
  readonly #root: string;
  readonly #incoming: Incoming;

  constructor(dataFolder: string) {
    this.#root = join(dataFolder, 'files');
    // On the same file system, so that keeping is a rename.
    this.#incoming = new Incoming(join(dataFolder, 'incoming'));
  }

  async receive(content: AsyncIterable<Uint8Array>): Promise<ReceivedContent> {
    const { path, ...received } = await this.#incoming.receive(content);
    return { ...received, keep: (key) => this.#keep(path, key), discard: () => rm(path, { force: true }) };
  }

  async write(key: string, content: AsyncIterable<Uint8Array>) {
    const path = this.#path(key);
    const { size, sha256, ...received } = await this.#incoming.receive(content);
    await this.#keep(received.path, key, path);
    return { size, sha256 };
  }

  async read(key: string, range?: ByteRange): Promise<Readable> {
    const file = await open(this.#path(key)).catch((error: unknown) => { throw storageError(error); });
    return file.createReadStream(range && { start: range.start, end: range.start + range.length - 1 });
  }

  async find(key: string): Promise<StoredContent | undefined> {
    const found = await orNothing(stat(this.#path(key)));
    return found && stored(key, found);
  }

  async *list(folder = ''): AsyncIterable<StoredContent> {
    if (folder) checkKey(folder);
    const entries = await orNothing(opendir(join(this.#root, folder), { recursive: true }));
    if (!entries) return;
    for await (const entry of entries) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const words = path.slice(this.#root.length + 1).split('/');
      const key = [...words.slice(0, -2), words.slice(-2).join('')].join('/');
      const found = isKey(key) ? await orNothing(stat(path)) : undefined;
      if (found) yield stored(key, found);
    }
  }

  async remove(key: string): Promise<void> {
    await rm(this.#path(key), { force: true });
  }

  removeRemnants(before: Date): Promise<void> {
    return this.#incoming.removeRemnants(before);
  }

  #path(key: string): string {
    const words = checkKey(key).split('/');
    const last = words.pop()!;
    return join(this.#root, ...words, last.slice(0, 2), last.slice(2) || '-');
  }

  async #keep(from: string, key: string, to = this.#path(key)): Promise<void> {
    try {
      const made = await mkdir(dirname(to), { recursive: true, mode: 0o700 });
      await rename(from, to);
      await flushFolders(dirname(to), made ? dirname(made) : dirname(to));
    } catch (error) {
      await rm(from, { force: true });
      throw storageError(error);
    }
  }
}

/** A name is safe from a power cut once its folder is flushed, and so is a new folder in its own. */
async function flushFolders(folder: string, upTo: string): Promise<void> {
  for (let at = folder; ; at = dirname(at)) {
    const handle = await open(at);
    await handle.sync().finally(() => handle.close());
    if (at === upTo) return;
  }
}

const stored = (key: string, { size, mtime }: Stats): StoredContent => ({ key, size, modified: mtime });

async function orNothing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
