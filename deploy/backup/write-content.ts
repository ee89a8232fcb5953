import { type FileStorage, holdRemovals, isOfRestore } from '@mainstay/kernel/files';
import type pg from 'pg';
import { OperatorError } from '../controller/operator-error.ts';
import type { BackedUpDeployment, Frame, Manifest } from './backup-format.ts';
import { type ContentDigest, fileDigest, tableDigest } from './content-digest.ts';
import { rowsOf, textSettings } from './copy-table.ts';
import { modulesIn, qualified, queueVersion, schemasOf, sequencesIn, tablesIn } from './database-shape.ts';

export interface ContentSource {
  /** A connection of the database's administrator. */
  client: pg.Client;
  storage: FileStorage;
  /** The deployment file. */
  config: string;
  secrets?: string;
  onProgress?: (done: string) => void;
}

const pieceBytes = 256 * 1024;

/**
 * Gives the content of a backup: every table as one snapshot saw it, and the files. Files come last: one that a row of the
 * snapshot names was stored before that row, is never changed, and not removed until all are read.
 */
export async function* writeContent(source: ContentSource, contains: (manifest: Manifest) => void): AsyncGenerator<Buffer> {
  const { client, config, secrets, onProgress } = source;
  const manifest: Manifest = { tables: [], files: [] };
  await holdRemovals(client);
  await client.query(`begin isolation level repeatable read, read only; ${textSettings}`);
  const modules = await modulesIn(client);
  const schemas = schemasOf(modules);
  const tables = await tablesIn(client, schemas);
  // An upgrade that began now would change them under our hands.
  await client.query(`lock table ${tables.map(qualified).join(', ')} in access share mode`);
  const deployment: BackedUpDeployment = { config, modules, queue: await queueVersion(client), ...(secrets !== undefined && { secrets }) };
  yield line({ kind: 'deployment', ...deployment });
  for (const table of tables) {
    onProgress?.(`${table.name}, ${manifest.tables.length} of ${tables.length} tables`);
    yield line({ kind: 'table', ...table });
    const content = yield* data(rowsOf(client, table), tableDigest());
    yield line({ kind: 'table-end', ...content });
    manifest.tables.push({ ...table, ...content });
  }
  // They are outside of the snapshot: read now, they are behind no row of it.
  yield line({ kind: 'sequences', values: await sequencesIn(client, schemas) });
  for await (const { key, size } of source.storage.list()) {
    if (isOfRestore(key)) continue;
    onProgress?.(`${manifest.files.length} files`);
    yield line({ kind: 'file', key });
    const found = yield* data(await source.storage.read(key), fileDigest());
    // One that grew meanwhile was listed while it was written: no row of the snapshot names it.
    if (found.bytes < size) throw new OperatorError(`of the file ${key} ${found.bytes} bytes could be read, and it has ${size}; try again`);
    yield line({ kind: 'file-end', ...found });
    manifest.files.push({ key, ...found });
  }
  await client.query('commit');
  onProgress?.(`${tables.length} tables, ${manifest.files.length} files`);
  yield line({ kind: 'end', ...manifest });
  contains(manifest);
}

const line = (frame: Frame): Buffer => Buffer.from(`${JSON.stringify(frame)}\n`);

async function* data<Content>(pieces: AsyncIterable<Buffer>, digest: ContentDigest<Content>): AsyncGenerator<Buffer, Content> {
  let held: Buffer[] = [];
  let bytes = 0;
  const flush = () => {
    const frame = Buffer.concat([line({ kind: 'data', bytes }), ...held]);
    [held, bytes] = [[], 0];
    return frame;
  };
  for await (const piece of pieces) {
    digest.add(piece);
    held.push(piece);
    bytes += piece.length;
    if (bytes >= pieceBytes) yield flush();
  }
  if (bytes > 0) yield flush();
  return digest.end();
}
