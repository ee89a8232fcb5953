import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import type { Module } from '@mainstay/kernel';
import { connectionConfig, identifier, withClient } from '@mainstay/kernel/administration';
import { testDatabase } from '@mainstay/kernel/testing';
import { specimenDeployment, specimenHeader } from '../testing/specimen-backup.ts';
import type { Manifest } from './backup-format.ts';
import { restore } from './restore.ts';
import { sealFile } from './seal-file.ts';
import { withPath } from './spare-database.ts';
import { writeContent } from './write-content.ts';

const steps = { step: <T>(_: string, work: (say: (detail: string) => void) => Promise<T>) => work(() => {}), line() {} };
const notes = (note: number) => `create table mod_specimen_notes (id int primary key); insert into mod_specimen_notes values (${note})`;

afterEach(() => {
  delete process.env.DATABASE_URL;
  delete process.env.MAINSTAY_HOME;
});

test('on a server of others all databases are restored at once, and those that were there are kept under other names', async (t) => {
  const [own, beside] = [await specimenDeployment(t, notes(1)), await specimenDeployment(t, notes(1))];
  await beside.ask('update mod_specimen.mod_specimen_notes set id = 2');
  const { adminUrl, name, drop } = await testDatabase();
  const control = connectionConfig(adminUrl, { database: 'postgres' });
  const databases = () => withClient(control, async (client) => (await client.query<{ datname: string }>('select datname from pg_database where starts_with(datname, $1) order by 1', [name])).rows.map(({ datname }) => datname));
  t.after(async () => {
    for (const database of (await databases()).filter((each) => each !== name)) await withClient(control, async (client) => {
      await client.query(`drop database ${identifier(database)}`);
      const { rows } = await client.query<{ rolname: string }>('select rolname from pg_roles where starts_with(rolname, $1)', [`${database}.`]);
      for (const { rolname } of rows) await client.query(`drop role ${identifier(rolname)}`);
    });
    await drop();
  });
  const file = join(own.folder, 'backup');
  const urlOf = (specimen: typeof own) => withPath(specimen.adminUrl, specimen.database);
  const written = Promise.withResolvers<Manifest>();
  const placement = { placement: 'sys-and-mod', homes: { 'mod-specimen': ['', 'beside'] } };
  await withClient(connectionConfig(urlOf(own)), (client) => withClient(connectionConfig(urlOf(beside)), (other) =>
    sealFile(file, writeContent({ client, url: urlOf(own), others: [{ database: 'beside', client: other, url: urlOf(beside) }], placement, storage: own.storage, config: 'name: specimen\nphase: T\n' }, written.resolve), { header: specimenHeader })));
  assert.deepEqual((await written.promise).tables.filter(({ name }) => name === 'mod_specimen_notes').map(({ database, rows }) => [database, rows]), [[undefined, 1], ['beside', 1]]);

  Object.assign(process.env, { MAINSTAY_HOME: join(own.folder, 'home'), DATABASE_URL: withPath(adminUrl, name) });
  const modules: Module[] = [own.module];
  const restored = (force: boolean) => restore({ file, force, passphrase: () => assert.fail(), modules }, steps);
  const ask = (database: string, sql = 'select id from mod_specimen.mod_specimen_notes') => withClient(connectionConfig(adminUrl, { database }), async (client) => (await client.query<{ id: number }>(sql)).rows.map(({ id }) => id));
  assert.deepEqual((await restored(false)).putAside, []);
  assert.deepEqual([await ask(name), await ask(`${name}_beside`)], [[1], [2]]);
  assert.deepEqual(JSON.parse(readFileSync(join(own.folder, 'home/specimen/placement.json'), 'utf8')), placement);

  await ask(`${name}_beside`, 'update mod_specimen.mod_specimen_notes set id = 3');
  await withClient(control, (client) => client.query(`drop database ${name}`));
  await assert.rejects(restored(false), new RegExp(`the database ${name}_beside in DATABASE_URL is not empty`));
  const { putAside } = await restored(true);
  const [, kept] = /^the database (\S+)$/.exec(putAside[0]!)!;
  assert.deepEqual([await ask(name), await ask(`${name}_beside`), await ask(kept!)], [[1], [2], [3]]);
  process.env.DATABASE_URL_BESIDE = adminUrl;
  t.after(() => { delete process.env.DATABASE_URL_BESIDE; });
  await assert.rejects(restored(true), /a backup is restored on one server, .*: restore without DATABASE_URL_BESIDE, then move what belongs on another server/);
});
