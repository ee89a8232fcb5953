import { isDeepStrictEqual } from 'node:util';
import type { Module } from '@mainstay/kernel';
import { connectionConfig, migrate, provision, withClient } from '@mainstay/kernel/administration';
import type { FileStorage } from '@mainstay/kernel/files';
import type pg from 'pg';
import { OperatorError } from '../controller/operator-error.ts';
import type { BackedUpDeployment, Manifest } from './backup-format.ts';
import { fileDigest } from './content-digest.ts';
import { queueVersion } from './database-shape.ts';
import { type ComparedTable, compareTables, DatabaseLoader } from './load-database.ts';
import { readBackup } from './read-backup.ts';

export interface RestoredInto {
  file: string;
  passphrase: () => Promise<string>;
  deployment: BackedUpDeployment;
  adminUrl: string;
  /** The name of the new database. */
  database: string;
  secret: string;
  modules: readonly Module[];
  storage: FileStorage;
  onProgress: (what: string) => void;
}

/**
 * Makes a database as the backup's was, migrated as far as that one, fills it and the storage, and proves each table and
 * file equal. Throws an `OperatorError` that names those that are not.
 */
export async function restoreDatabase(into: RestoredInto): Promise<ComparedTable[]> {
  const { adminUrl, database, secret, deployment } = into;
  await provision({ adminUrl, database, modules: deployment.modules.map(({ module }) => module), secret });
  for (const { module, migrations } of deployment.modules) {
    const declared = into.modules.find(({ name }) => name === module)!.database;
    if (declared) await migrate({ adminUrl, database, module, migrations: declared.migrations, only: migrations.map(({ name }) => name) });
  }
  return withClient(connectionConfig(adminUrl, { database }), async (client) => {
    const manifest = await load(client, into);
    const tables = await prove(client, manifest, into);
    await proveFiles(manifest, into);
    await client.query('analyze');
    return tables;
  });
}

async function load(client: pg.Client, { file, passphrase, deployment, storage, onProgress }: RestoredInto): Promise<Manifest> {
  if (deployment.queue > (await queueVersion(client))) throw new OperatorError('its queue was made by a newer version: restore it with that one');
  const loader = new DatabaseLoader(client);
  await loader.begin(deployment.modules);
  const { manifest } = await readBackup(file, passphrase, {
    table(table, rows) {
      onProgress(table.name);
      return loader.load(table, rows);
    },
    sequences: (values) => loader.setSequences(values),
    async file(key, content) {
      onProgress(`file ${key}`);
      await storage.write(key, content);
    },
  });
  onProgress('foreign keys');
  await loader.commit();
  return manifest;
}

async function prove(client: pg.Client, manifest: Manifest, { onProgress }: RestoredInto): Promise<ComparedTable[]> {
  const tables = await compareTables(client, manifest, (table) => onProgress(`proving ${table}`));
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
