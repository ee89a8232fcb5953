import { isDeepStrictEqual } from 'node:util';
import type { Module } from '@mainstay/kernel';
import { connectionConfig, migrate, prepareShardMap, provision, withClient } from '@mainstay/kernel/administration';
import type { FileStorage } from '@mainstay/kernel/files';
import { databaseNameOf } from '@mainstay/kernel/placement';
import type pg from 'pg';
import { OperatorError } from '../controller/operator-error.ts';
import type { BackedUpDatabase, BackedUpDeployment, Manifest } from './backup-format.ts';
import { fileDigest } from './content-digest.ts';
import { queueVersion, schemasOf } from './database-shape.ts';
import { type ComparedTable, compareTables, DatabaseLoader } from './load-database.ts';
import { readBackup } from './read-backup.ts';
import type { NameOf } from './spare-database.ts';

export interface RestoredInto {
  file: string;
  passphrase: () => Promise<string>;
  deployment: BackedUpDeployment;
  adminUrl: string;
  /** The name of the new database that is the deployment's own. */
  database: string;
  /** Those of the others; the same with an underline and their own behind it, if absent. */
  nameOf?: NameOf;
  secret: string;
  modules: readonly Module[];
  storage: FileStorage;
  onProgress: (what: string) => void;
}

/**
 * Makes databases as the backup's were, migrated as far as those, fills them and the storage, and proves each table and
 * file equal. Throws an `OperatorError` that names those that are not.
 */
export async function restoreDatabase(into: RestoredInto): Promise<ComparedTable[]> {
  const { adminUrl, database, secret, deployment, nameOf = (other: string) => databaseNameOf(database, { database: other }) } = into;
  const shapes = [{ ...deployment, database: '', sharded: false }, ...(deployment.databases ?? [])];
  if (shapes.some(({ sharded }) => sharded)) await prepareShardMap({ adminUrl, database }, secret);
  for (const shape of shapes) await makeTables(into, shape, shape.database ? nameOf(shape.database) : database);
  return withAll(shapes.map((shape) => ({ ...shape, config: connectionConfig(adminUrl, { database: shape.database ? nameOf(shape.database) : database }) })), [], async (opened) => {
    const manifest = await load(opened, into);
    const tables = await prove(opened, manifest, into);
    await proveFiles(manifest, into);
    for (const { client } of opened) await client.query('analyze');
    return tables;
  });
}

async function makeTables({ adminUrl, secret, modules: build }: RestoredInto, { modules, sharded }: BackedUpDatabase, database: string): Promise<void> {
  await provision({ adminUrl, database, modules: modules.map(({ module }) => module), secret, sharded });
  for (const { module, migrations } of modules) {
    const declared = build.find(({ name }) => name === module)!.database;
    if (declared) await migrate({ adminUrl, database, module, migrations: declared.migrations, only: migrations.map(({ name }) => name) });
  }
}

interface OpenedDatabase extends BackedUpDatabase {
  client: pg.Client;
}

async function withAll<T>([first, ...others]: readonly (BackedUpDatabase & { config: pg.ClientConfig })[], opened: OpenedDatabase[], work: (opened: OpenedDatabase[]) => Promise<T>): Promise<T> {
  if (!first) return work(opened);
  return withClient(first.config, (client) => withAll(others, [...opened, { ...first, client }], work));
}

async function load(opened: readonly OpenedDatabase[], { file, passphrase, storage, onProgress }: RestoredInto): Promise<Manifest> {
  const loaders = new Map<string, DatabaseLoader>();
  for (const { database, client, queue, modules } of opened) {
    if (queue > (await queueVersion(client))) throw new OperatorError('its queue was made by a newer version: restore it with that one');
    const loader = new DatabaseLoader(client);
    await loader.begin(schemasOf(modules));
    loaders.set(database, loader);
  }
  const { manifest } = await readBackup(file, passphrase, {
    table(table, rows) {
      onProgress(table.name);
      return loaders.get(table.database ?? '')!.load(table, rows);
    },
    sequences: (values, database = '') => loaders.get(database)!.setSequences(values),
    async file(key, content) {
      onProgress(`file ${key}`);
      await storage.write(key, content);
    },
  });
  onProgress('foreign keys');
  for (const loader of loaders.values()) await loader.commit();
  return manifest;
}

async function prove(opened: readonly OpenedDatabase[], manifest: Manifest, { onProgress }: RestoredInto): Promise<ComparedTable[]> {
  const tables: ComparedTable[] = [];
  for (const { database, client } of opened) {
    const own = manifest.tables.filter((table) => (table.database ?? '') === database);
    tables.push(...(await compareTables(client, { tables: own }, (table) => onProgress(`proving ${table}`))));
  }
  const unequal = tables.filter(({ equal }) => !equal).map(({ name }) => name);
  if (unequal.length > 0) throw new OperatorError(`these tables are not what was backed up, so nothing was restored: ${unequal.join(', ')}`);
  return tables;
}

/** Reads every file back from where it lies now. */
async function proveFiles({ files }: Manifest, { storage, onProgress }: RestoredInto): Promise<void> {
  const unequal: string[] = [];
  for (const [index, { key, ...expected }] of files.entries()) {
    onProgress(`proving files, ${index} of ${files.length}`);
    const digest = fileDigest();
    for await (const piece of await storage.read(key)) digest.add(piece as Buffer);
    if (!isDeepStrictEqual(digest.end(), expected)) unequal.push(key);
  }
  if (unequal.length > 0) throw new OperatorError(`these files are not what was backed up, so nothing was restored: ${unequal.join(', ')}`);
}
