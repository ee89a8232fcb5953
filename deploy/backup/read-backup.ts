import { isDeepStrictEqual } from 'node:util';
import type { BackedUpDeployment, BackupHeader, Frame, Manifest, SequenceValue, TableName } from './backup-format.ts';
import { type ContentDigest, fileDigest, tableDigest } from './content-digest.ts';
import { damaged, openBackup } from './open-file.ts';

/** Gets the parts of a backup in their order; data must be read to its end. */
export interface BackupReader {
  table?(table: TableName, rows: AsyncIterable<Buffer>): Promise<void>;
  sequences?(values: SequenceValue[], database?: string): Promise<void>;
  file?(key: string, content: AsyncIterable<Buffer>): Promise<void>;
}

/** What a whole backup holds, without its data. */
export interface BackupContents {
  header: BackupHeader;
  encrypted: boolean;
  deployment: BackedUpDeployment;
  manifest: Manifest;
}

const longestLine = 16 * 1024 * 1024;
const newline = 10;

/**
 * Reads a backup to its end and checks every byte of it. Throws an `OperatorError` if it is no backup, damaged, cut off, of a
 * newer format, or the passphrase is wrong; a reader may have got a part of it by then.
 */
export async function readBackup(file: string, passphrase: () => Promise<string>, reader: BackupReader = {}): Promise<BackupContents> {
  const { header, encrypted, content } = await openBackup(file, passphrase);
  const parts = partsOf(content);
  const wrong = (why: string) => damaged(file, why);
  try {
    const { deployment, manifest } = await readParts(parts, reader, wrong);
    return { header, encrypted, deployment, manifest };
  } catch (error) {
    throw error instanceof SyntaxError ? wrong('a line of it is no JSON') : error;
  } finally {
    await parts.return(undefined);
  }
}

async function readParts(parts: Parts, reader: BackupReader, wrong: (why: string) => Error): Promise<Pick<BackupContents, 'deployment' | 'manifest'>> {
  const found: Manifest = { tables: [], files: [] };
  let deployment: BackedUpDeployment | undefined;
  for (;;) {
    const { value: part, done } = await parts.next();
    if (done || Buffer.isBuffer(part)) throw wrong('a part of it is missing');
    if (part.kind === 'deployment') {
      const { kind: _, ...rest } = part;
      deployment = rest;
    } else if (part.kind === 'table') {
      const { kind: _, ...table } = part;
      const content = await readData(parts, tableDigest(), 'table-end', (rows) => reader.table?.(table, rows), wrong);
      found.tables.push({ ...table, ...content });
    } else if (part.kind === 'file') {
      found.files.push({ key: part.key, ...(await readData(parts, fileDigest(), 'file-end', (content) => reader.file?.(part.key, content), wrong)) });
    } else if (part.kind === 'sequences') {
      await reader.sequences?.(part.values, part.database);
    } else if (part.kind === 'end') {
      const { kind: _, ...manifest } = part;
      if (!deployment || !isDeepStrictEqual(manifest, found)) throw wrong('it does not hold what it should');
      if (!(await parts.next()).done) throw wrong('something follows its end');
      return { deployment, manifest };
    } else throw wrong(`it has a ${part.kind} where none belongs`);
  }
}

/** Hands the data of one table or file over, and checks it against the line behind it. */
async function readData<Content extends object>(parts: Parts, digest: ContentDigest<Content>, end: Frame['kind'], use: (data: AsyncIterable<Buffer>) => Promise<void> | undefined, wrong: (why: string) => Error): Promise<Content> {
  let last: Frame | undefined;
  const data = (async function* () {
    while (!last) {
      const { value: part, done } = await parts.next();
      if (done) throw wrong('a part of it is missing');
      if (!Buffer.isBuffer(part)) {
        last = part;
        return;
      }
      digest.add(part);
      yield part;
    }
  })();
  await use(data);
  for await (const _ of data);
  const { kind, ...expected } = last!;
  const content = digest.end();
  if (kind !== end || !isDeepStrictEqual(expected, { ...content })) throw wrong('its data is not what was written');
  return content;
}

type Parts = AsyncGenerator<Buffer | Exclude<Frame, { kind: 'data' }>>;

/** Lines become their frames; what follows a line of data, buffers. */
async function* partsOf(content: AsyncIterable<Buffer>): Parts {
  let held: Buffer = Buffer.alloc(0);
  let data = 0;
  for await (const piece of content) {
    held = held.length > 0 ? Buffer.concat([held, piece]) : piece;
    for (;;) {
      if (data > 0) {
        if (held.length === 0) break;
        const bytes = held.subarray(0, data);
        data -= bytes.length;
        held = held.subarray(bytes.length);
        yield bytes;
        continue;
      }
      const end = held.indexOf(newline);
      if (end < 0) break;
      const frame = JSON.parse(held.subarray(0, end).toString()) as Frame;
      held = held.subarray(end + 1);
      if (frame.kind === 'data') data = frame.bytes;
      else yield frame;
    }
    if (held.length > longestLine) throw new SyntaxError('a line is too long');
  }
  if (held.length > 0 || data > 0) throw new SyntaxError('the last line is not whole');
}
