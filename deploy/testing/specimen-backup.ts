import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Module } from '@mainstay/kernel';
import { connectionConfig, migrate, provision, withClient } from '@mainstay/kernel/administration';
import { type FileStorage, type FilesSettings, openStorage } from '@mainstay/kernel/files';
import { testDatabase } from '@mainstay/kernel/testing';
import { type BackupHeader, formatVersion, type Manifest } from '../backup/backup-format.ts';
import { sealFile } from '../backup/seal-file.ts';
import { writeContent } from '../backup/write-content.ts';

export const specimenHeader: BackupHeader = { format: 'mainstay-backup', version: formatVersion, platform: '0.1.0', created: '2026-01-01T00:00:00.000Z', deployment: 'specimen', phase: 'T' };

const secret = 'e'.repeat(64);

/** A database with one module, whose tables the test gives as SQL, and how to back it up. The test ends it. */
export async function specimenDeployment(owner: { after(end: () => unknown): unknown }, sql: string, files: FilesSettings = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-backup-'));
  const { adminUrl, name: database, drop } = await testDatabase();
  owner.after(async () => { rmSync(folder, { recursive: true }); await drop(); });
  const migrations = pathToFileURL(`${join(folder, 'migrations')}/`);
  const addMigration = (name: string, text: string) => writeFileSync(new URL(name, migrations), text);
  mkdirSync(migrations);
  addMigration('0001-tables.sql', sql);
  await provision({ adminUrl, database, modules: ['mod-specimen'], secret });
  await migrate({ adminUrl, database, module: 'mod-specimen', migrations });
  const storage: FileStorage = openStorage(files, join(folder, 'data-files'));
  const module = { name: 'mod-specimen', database: { migrations } } as unknown as Module;
  const backUp = async (file: string, options: { passphrase?: string; header?: Partial<BackupHeader> } = {}): Promise<Manifest> => {
    const written = Promise.withResolvers<Manifest>();
    const { passphrase, header } = options;
    await withClient(connectionConfig(adminUrl, { database }), (client) =>
      // The least work that a guess of the passphrase can cost: this one protects nothing.
      sealFile(file, writeContent({ client, storage, config: 'name: specimen\nphase: T\n' }, written.resolve), { header: { ...specimenHeader, ...header }, ...(passphrase !== undefined && { passphrase, workFactor: 1 }) }));
    return written.promise;
  };
  const ask = (text: string) => withClient(connectionConfig(adminUrl, { database }), async (client) => (await client.query({ text, rowMode: 'array' })).rows.flat());
  return { folder, adminUrl, database, secret, module, storage, addMigration, backUp, ask };
}
