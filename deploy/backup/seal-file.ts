import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { open, realpath, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { withStartLock } from '@mainstay/kernel/start-lock';
import { Encrypter } from 'age-encryption';
import { OperatorError } from '../controller/operator-error.ts';
import { type BackupHeader, checksumMagic, headerMagic } from './backup-format.ts';

export interface SealOptions {
  header: BackupHeader;
  passphrase?: string;
  /** Base-2 logarithm of what one guess of the passphrase costs; age's default, about a second and 256 MB, if absent. */
  workFactor?: number;
}

/**
 * Writes a backup beside its place and moves it there when all of it is on the disk. Whatever goes wrong, no half backup
 * has its name. Throws an `OperatorError` if another backup is being written there.
 */
export async function sealFile(file: string, content: AsyncIterable<Buffer>, options: SealOptions): Promise<void> {
  let alone = false;
  await withStartLock(`backup ${join(await realpath(dirname(file)), basename(file))}`, () => {
    alone = true;
    return write(file, content, options);
  }, 0).catch((error: unknown) => { throw alone ? error : new OperatorError(`another backup is being written to ${file}; wait for its end, or choose another name`, { cause: error }); });
}

async function write(file: string, content: AsyncIterable<Buffer>, options: SealOptions): Promise<void> {
  const partial = `${file}.partial`;
  try {
    const plain = Readable.from(framed(options.header, content), { objectMode: false });
    const source = options.passphrase === undefined ? plain : await encrypted(plain, options.passphrase, options.workFactor);
    // What a killed backup left; never another's file behind a link.
    await rm(partial, { force: true });
    await pipeline(source, createWriteStream(partial, { flags: 'wx', mode: 0o600, flush: true }));
    await rename(partial, file);
    await syncFolder(dirname(file));
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

/** Makes a file's new name survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder);
  await handle.sync().finally(() => handle.close());
}

async function* framed(header: BackupHeader, content: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const digest = createHash('sha256');
  const counted = (bytes: Buffer) => { digest.update(bytes); return bytes; };
  yield counted(skippable(headerMagic, Buffer.from(`${JSON.stringify(header)}\n`)));
  const compress = createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  const compressing = pipeline(Readable.from(content, { objectMode: false }), compress);
  // It rejects where the loop below does too.
  compressing.catch(() => {});
  for await (const bytes of compress) yield counted(bytes as Buffer);
  await compressing;
  const start = skippable(checksumMagic, Buffer.alloc(32)).subarray(0, 8);
  yield Buffer.concat([counted(start), digest.digest()]);
}

function skippable(magic: number, payload: Buffer): Buffer {
  const start = Buffer.alloc(8);
  start.writeUInt32LE(magic, 0);
  start.writeUInt32LE(payload.length, 4);
  return Buffer.concat([start, payload]);
}

async function encrypted(plain: Readable, passphrase: string, workFactor?: number): Promise<Readable> {
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  if (workFactor !== undefined) encrypter.setScryptWorkFactor(workFactor);
  const stream = await encrypter.encrypt(Readable.toWeb(plain) as ReadableStream<Uint8Array>);
  return Readable.fromWeb(stream as Parameters<typeof Readable.fromWeb>[0]);
}
