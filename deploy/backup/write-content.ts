import { type FileStorage, holdRemovals, isOfRestore } from '@mainstay/kernel/files';
import { quantity } from '@mainstay/kernel/quantity';
import type pg from 'pg';
import { OperatorError } from '../controller/operator-error.ts';
import type { BackedUpDatabase, BackedUpDeployment, BackedUpPlacement, Frame, Manifest, TableName } from './backup-format.ts';
import { beginSnapshots, isShard, type SourceDatabase } from './begin-snapshots.ts';
import { type ContentDigest, fileDigest, tableDigest } from './content-digest.ts';
import { rowsOf } from './copy-table.ts';
import { modulesIn, qualified, queueVersion, schemasOf, sequencesIn, tablesIn } from './database-shape.ts';

export interface ContentSource {
  /** A connection of the administrator of the deployment's own database. */
  client: pg.Client;
  /** The other databases of the deployment. */
  others?: readonly SourceDatabase[];
  /** Where the deployment's own database is reached; needed where there are others. */
  url?: string;
  storage: FileStorage;
  /** The deployment file. */
  config: string;
  placement?: BackedUpPlacement;
  secrets?: string;
  onProgress?: (done: string) => void;
}

const pieceBytes = 256 * 1024;

/**
 * Gives the content of a backup: every table as one snapshot saw it, and the files. Files come last: one that a row of the
 * snapshot names was stored before that row, is never changed, and not removed until all are read.
 */
export async function* writeContent(source: ContentSource, contains: (manifest: Manifest) => void): AsyncGenerator<Buffer> {
  const { client, others = [], url = '', config, placement, secrets, onProgress } = source;
  const manifest: Manifest = { tables: [], files: [] };
  const all = [{ database: '', client, url }, ...others];
  await holdRemovals(client);
  await beginSnapshots(all);
  const [own, ...beside] = await Promise.all(all.map(outline));
  const { modules, queue } = own!;
  const databases = beside.map(({ database, modules, queue, sharded }): BackedUpDatabase => ({ database, modules, queue, sharded }));
  const deployment: BackedUpDeployment = { config, modules, queue, ...(placement && { placement }), ...(databases.length > 0 && { databases }), ...(secrets !== undefined && { secrets }) };
  yield line({ kind: 'deployment', ...deployment });
  const count = [own!, ...beside].reduce((sum, { tables }) => sum + tables.length, 0);
  for (const outlined of [own!, ...beside]) yield* rowsOfDatabase(outlined, manifest, (table) => onProgress?.(`${table}, ${manifest.tables.length} of ${quantity(count, 'table')}`));
  yield* files(source, manifest);
  for (const { client } of all) await client.query('commit');
  onProgress?.(`${quantity(count, 'table')}, ${quantity(manifest.files.length, 'file')}`);
  yield line({ kind: 'end', ...manifest });
  contains(manifest);
}

interface Outlined extends BackedUpDatabase {
  client: pg.Client;
  schemas: string[];
  tables: TableName[];
}

async function outline({ database, client }: SourceDatabase): Promise<Outlined> {
  const modules = await modulesIn(client);
  const schemas = schemasOf(modules);
  const tables = await tablesIn(client, schemas);
  // An upgrade that began now would change them under our hands.
  await client.query(`lock table ${tables.map(qualified).join(', ')} in access share mode`);
  return { database, client, modules, schemas, tables, queue: await queueVersion(client), sharded: await isShard(client) };
}

async function* rowsOfDatabase({ database, client, schemas, tables }: Outlined, manifest: Manifest, onTable: (name: string) => void): AsyncGenerator<Buffer> {
  const named = database !== '' && { database };
  for (const table of tables) {
    onTable(table.name);
    yield line({ kind: 'table', ...named, ...table });
    const content = yield* data(rowsOf(client, table), tableDigest());
    yield line({ kind: 'table-end', ...content });
    manifest.tables.push({ ...named, ...table, ...content });
  }
  // They are outside of the snapshot: read now, they are behind no row of it.
  yield line({ kind: 'sequences', ...named, values: await sequencesIn(client, schemas) });
}

async function* files({ storage, onProgress }: ContentSource, manifest: Manifest): AsyncGenerator<Buffer> {
  for await (const { key, size } of storage.list()) {
    if (isOfRestore(key)) continue;
    onProgress?.(quantity(manifest.files.length, 'file'));
    yield line({ kind: 'file', key });
    const found = yield* data(await storage.read(key), fileDigest());
    // One that grew meanwhile was listed while it was written: no row of the snapshot names it.
    if (found.bytes < size) throw new OperatorError(`of the file ${key} ${found.bytes} bytes could be read, and it has ${size}; try again`);
    yield line({ kind: 'file-end', ...found });
    manifest.files.push({ key, ...found });
  }
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
