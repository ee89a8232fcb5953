import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createZstdDecompress } from 'node:zlib';
import { Decrypter } from 'age-encryption';
import { OperatorError } from '../controller/operator-error.ts';
import { type BackupHeader, checksumLength, checksumMagic, formatVersion, headerMagic } from './backup-format.ts';

const longestHeader = 64 * 1024;
const ageStart = 'age-encryption.org/v1\n';

/** A backup that can be read. Its content is whole only when reading it to its end has not thrown. */
export interface OpenedBackup {
  header: BackupHeader;
  encrypted: boolean;
  content: AsyncIterable<Buffer>;
}

/** What makes a file unfit to be restored. */
export const damaged = (file: string, why: string): OperatorError =>
  new OperatorError(`${file} is damaged or was cut off, and nothing of it is used: ${why}; take another backup`);

/** Opens a backup; `passphrase` is asked if it is encrypted. Throws an `OperatorError` if it is none or of a newer format. */
export async function openBackup(file: string, passphrase: () => Promise<string>): Promise<OpenedBackup> {
  const encrypted = (await firstBytes(file, ageStart.length)).toString('latin1') === ageStart;
  const plain = encrypted ? await decrypted(file, await passphrase()) : createReadStream(file);
  const body = verified(file, plain);
  const { value: header } = await body.next();
  if (!header || Buffer.isBuffer(header)) throw damaged(file, 'it has no header');
  return { header, encrypted, content: decompressed(file, body as AsyncGenerator<Buffer>) };
}

const unreadable: Record<string, string> = { ENOENT: 'there is no such file', EISDIR: 'it is a folder; name a backup in it' };

async function firstBytes(file: string, length: number): Promise<Buffer> {
  const refuse = ({ code = '', message }: NodeJS.ErrnoException) => { throw new OperatorError(`${file} can't be read: ${unreadable[code] ?? message}`); };
  const handle = await open(file).catch(refuse);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, 0).catch(refuse);
    return buffer.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
}

async function decrypted(file: string, passphrase: string): Promise<Readable> {
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  const source = createReadStream(file);
  try {
    const stream = await decrypter.decrypt(Readable.toWeb(source) as ReadableStream<Uint8Array>);
    return Readable.fromWeb(stream as Parameters<typeof Readable.fromWeb>[0]);
  } catch {
    source.destroy();
    throw new OperatorError(`the passphrase of ${file} is wrong, or the file is damaged; nothing of it is used`);
  }
}

/** Gives the header, then the bytes between it and the checksum; throws at the end if the checksum is of other bytes. */
async function* verified(file: string, source: Readable): AsyncGenerator<Buffer | BackupHeader> {
  const digest = createHash('sha256');
  let held: Buffer = Buffer.alloc(0);
  let header: BackupHeader | undefined;
  for await (const piece of wrapped(file, source)) {
    held = held.length > 0 ? Buffer.concat([held, piece]) : piece;
    if (!header) {
      const length = headerLength(file, held);
      if (held.length < length) continue;
      header = parseHeader(file, held.subarray(8, length));
      digest.update(held.subarray(0, length));
      held = held.subarray(length);
      yield header;
    }
    const ready = held.length - checksumLength;
    if (ready <= 0) continue;
    digest.update(held.subarray(0, ready));
    yield held.subarray(0, ready);
    held = held.subarray(ready);
  }
  if (!header) {
    if (held.length >= 4) headerLength(file, Buffer.concat([held, Buffer.alloc(8)]));
    throw held.length < 4 ? notBackup(file) : damaged(file, 'it has no header');
  }
  if (held.length < checksumLength || held.readUInt32LE(0) !== checksumMagic) throw damaged(file, 'its end is missing');
  if (!digest.update(held.subarray(0, 8)).digest().equals(held.subarray(8))) throw damaged(file, 'its checksum is of other bytes');
}

async function* wrapped(file: string, source: Readable): AsyncGenerator<Buffer> {
  try {
    for await (const piece of source) yield Buffer.isBuffer(piece) ? piece : Buffer.from(piece as Uint8Array);
  } catch (error) {
    throw damaged(file, (error as Error).message);
  }
}

const notBackup = (file: string) => new OperatorError(`${file} is not a backup of Mainstay`);

function headerLength(file: string, start: Buffer): number {
  if (start.length < 8) return 8;
  if (start.readUInt32LE(0) !== headerMagic) throw notBackup(file);
  const length = start.readUInt32LE(4);
  if (length > longestHeader) throw damaged(file, 'its header is wrong');
  return 8 + length;
}

function parseHeader(file: string, bytes: Buffer): BackupHeader {
  let header: BackupHeader;
  try {
    header = JSON.parse(bytes.toString()) as BackupHeader;
  } catch {
    throw damaged(file, 'its header is wrong');
  }
  if (header.format !== 'mainstay-backup' || !Number.isInteger(header.version)) throw damaged(file, 'its header is wrong');
  if (header.version > formatVersion) throw new OperatorError(`${file} was made by a newer version (Mainstay ${header.platform}); restore it with that one`);
  return header;
}

async function* decompressed(file: string, body: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  const source = Readable.from(body, { objectMode: false });
  const decompress = createZstdDecompress();
  source.on('error', (error) => decompress.destroy(error)).pipe(decompress);
  try {
    for await (const bytes of decompress) yield bytes as Buffer;
    // What the decompressor did not need was not looked at yet.
    if (!source.readableEnded) throw damaged(file, 'something follows its content');
  } catch (error) {
    throw error instanceof OperatorError ? error : damaged(file, (error as Error).message);
  } finally {
    source.destroy();
    decompress.destroy();
  }
}
