import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { type AdminUrl, connectionConfig, identifier, provision, withClient } from '@mainstay/kernel/administration';
import { openStorage } from '@mainstay/kernel/files';
import { testDatabase } from '@mainstay/kernel/testing';
import { specimenDeployment } from '../testing/specimen-backup.ts';
import { checkBuild } from './check-build.ts';
import { compareTables } from './load-database.ts';
import { readBackup } from './read-backup.ts';
import { restoreDatabase } from './restore-database.ts';
import { requireEmptyDatabase, withSpareDatabase } from './spare-database.ts';

type Specimen = Awaited<ReturnType<typeof specimenDeployment>>;
const nobody = async () => { throw new Error('the backup is not encrypted'); };

/** Restores a backup into a database of the test's own and gives what is in it. */
async function restored(t: TestContext, specimen: Specimen, file: string, admin?: AdminUrl) {
  const { adminUrl, name: database, drop } = await testDatabase();
  t.after(drop);
  const { deployment } = await readBackup(file, nobody);
  const storage = openStorage({}, join(specimen.folder, 'restored-files'));
  const into = { file, passphrase: nobody, deployment, secret: 'f'.repeat(64), modules: [specimen.module], storage, onProgress: () => {} };
  const tables = await restoreDatabase({ ...into, adminUrl: admin ?? adminUrl, database });
  const ask = (text: string) => withClient(connectionConfig(adminUrl, { database }), async (client) => (await client.query({ text, rowMode: 'array' })).rows.flat());
  return { tables, ask, storage, database, adminUrl, into };
}

const awkward = `
  create table mod_specimen_things (
    id bigint primary key generated always as identity, parent bigint references mod_specimen_things, label text, twice text generated always as (label || label) stored,
    bytes bytea, number numeric, ratio float8, moment timestamptz, span interval, words text[], data jsonb, "Odd ""name" int);
  create table mod_specimen_kept (thing bigint not null references mod_specimen_things on delete cascade deferrable, org_id uuid not null, primary key (thing, org_id));
  select mainstay.protect_tenant_table('mod_specimen_kept');
  alter table mod_specimen_things add main bigint;
  create function mod_specimen_refuse() returns trigger language plpgsql as $$ begin raise exception 'nothing is removed here'; end $$;
  create trigger keep before delete or truncate on mod_specimen_kept for each statement execute function mod_specimen_refuse();
  insert into mod_specimen_things (parent, label, bytes, number, ratio, moment, span, words, data, "Odd ""name") values
    (null, E'tab\\t, line\\n, back\\\\slash, \\\\N and \\\\.', '\\x00ff0a5c', 'NaN', '-0', 'infinity', '1 mon -2 days 03:04:05.678', array['a,b', null, '"q"'], '{"a": [1.0, null, "ü😀"]}', 1),
    (3, '', '\\x', 1e100, 'Infinity', '0044-03-15 12:00:00+00 BC', null, '{}', 'null', null), (null, null, null, null, 0.1, '2026-03-29 02:30:00.123456+02', null, null, null, null);
  insert into mod_specimen_kept select id, '00000000-0000-0000-0000-00000000000a' from mod_specimen_things;
  select setval('mod_specimen_things_id_seq', 41)`;

const everything = `select t::text from mod_specimen.mod_specimen_things t union all select k::text from mod_specimen.mod_specimen_kept k order by 1`;

test('every value, key, sequence and file comes back as it was, and so do the rules over them', async (t) => {
  const specimen = await specimenDeployment(t, awkward);
  await specimen.storage.write('sys-core/ab12', Readable.from([Buffer.from('content')]));
  const file = join(specimen.folder, 'backup');
  const manifest = await specimen.backUp(file);
  const { tables, ask, storage, adminUrl, database } = await restored(t, specimen, file);
  assert.ok(tables.length > 5 && tables.every(({ equal }) => equal));
  assert.deepEqual(await ask(everything), await specimen.ask(everything));
  assert.deepEqual(await ask(`insert into mod_specimen.mod_specimen_things (parent) values (3) returning id`), ['42']);
  const changed = await withClient(connectionConfig(adminUrl, { database }), (client) => compareTables(client, manifest));
  assert.deepEqual(changed.filter(({ equal }) => !equal).map(({ name }) => name), ['mod_specimen_things']);
  await assert.rejects(ask(`insert into mod_specimen.mod_specimen_things (parent) values (99)`), /foreign key/);
  await assert.rejects(ask(`delete from mod_specimen.mod_specimen_kept`), /nothing is removed here/);
  const constraints = `select conname || pg_get_constraintdef(oid) from pg_constraint where connamespace = 'mod_specimen'::regnamespace order by 1`;
  assert.deepEqual(await ask(constraints), await specimen.ask(constraints));
  assert.deepEqual(await ask(`select relforcerowsecurity from pg_class where relname = 'mod_specimen_kept'`), [true]);
  const [content] = await (await storage.read('sys-core/ab12')).toArray() as Buffer[];
  assert.equal(content!.toString(), 'content');
});

test('an administrator who is no superuser can restore', async (t) => {
  const specimen = await specimenDeployment(t, awkward);
  const file = join(specimen.folder, 'backup');
  await specimen.backUp(file);
  const admin = `admin_${randomBytes(4).toString('hex')}`;
  const control = connectionConfig(specimen.adminUrl, { database: 'postgres' });
  await withClient(control, (client) => client.query(`create role ${admin} login createdb createrole password 'secret'`));
  const url = new URL(specimen.adminUrl.replace('@', ':x@'));
  [url.username, url.password] = [admin, 'secret'];
  const { ask, database } = await restored(t, specimen, file, url.href);
  assert.deepEqual(await ask(everything), await specimen.ask(everything));
  await withClient(control, async (client) => {
    await client.query(`drop database ${identifier(database)}`);
    const { rows } = await client.query<{ rolname: string }>('select rolname from pg_roles where starts_with(rolname, $1)', [`${database}.`]);
    await client.query(`drop role ${[...rows.map(({ rolname }) => identifier(rolname)), admin].join(', ')}`);
  });
});

test('a backup is restored with the migrations that it was made with, and refused where one of them is missing', async (t) => {
  const specimen = await specimenDeployment(t, 'create table mod_specimen_notes (id int primary key); insert into mod_specimen_notes values (7)');
  const file = join(specimen.folder, 'backup');
  await specimen.backUp(file);
  specimen.addMigration('0002-more.sql', 'alter table mod_specimen_notes add more text');
  const { ask } = await restored(t, specimen, file);
  assert.deepEqual(await ask('select * from mod_specimen.mod_specimen_notes'), [7]);
  assert.deepEqual(await ask('select name from mod_specimen.mod_specimen_migrations'), ['0001-tables.sql']);

  const { header, deployment } = await readBackup(file, nobody);
  await checkBuild({ header, deployment }, [specimen.module]);
  const [{ migrations }] = deployment.modules as [typeof deployment.modules[number]];
  const later = { ...deployment, modules: [{ ...deployment.modules[0]!, migrations: [...migrations, { name: '0003-later.sql', sha256: '' }] }] };
  await assert.rejects(checkBuild({ header, deployment: later }, [specimen.module]), /mod-specimen has the migration 0003-later\.sql, which this build lacks/);
  await assert.rejects(checkBuild({ header, deployment }, []), /module mod-specimen, which this build lacks/);
  await assert.rejects(checkBuild({ header: { ...header, platform: '999.0.0' }, deployment }, [specimen.module]), /made by Mainstay 999\.0\.0 and this is/);
  specimen.addMigration('0001-tables.sql', 'create table mod_specimen_notes (id bigint primary key)');
  await assert.rejects(checkBuild({ header, deployment }, [specimen.module]), /another migration 0001-tables\.sql than this build/);
});

test('on a server of others the new database takes the place of the old one, whose data is kept if that is wished', async (t) => {
  const specimen = await specimenDeployment(t, 'create table mod_specimen_notes (id int primary key); insert into mod_specimen_notes values (7)');
  const file = join(specimen.folder, 'backup');
  await specimen.backUp(file);
  const { into, adminUrl, database, ask } = await restored(t, specimen, file);
  const target = adminUrl.replace(/\/[^/]*$/, `/${database}`);
  await withClient(connectionConfig(adminUrl), (client) => client.query(`drop database ${identifier(database)}`));
  await requireEmptyDatabase(target);
  assert.deepEqual((await withSpareDatabase(target, false, (admin, spare) => restoreDatabase({ ...into, adminUrl: admin, database: spare }))).databases, []);
  await ask('insert into mod_specimen.mod_specimen_notes values (8)');
  await assert.rejects(requireEmptyDatabase(target), /is not empty; name another/);
  const { databases: [aside] } = await withSpareDatabase(target, true, (admin, spare) => restoreDatabase({ ...into, adminUrl: admin, database: spare }));
  assert.deepEqual(await ask('select id from mod_specimen.mod_specimen_notes order by 1'), [7]);
  const kept = aside!.replace('the database ', '');
  t.after(() => withClient(connectionConfig(adminUrl, { database: 'postgres' }), async (client) => {
    await client.query(`drop database ${identifier(kept)}`);
    const { rows } = await client.query<{ rolname: string }>('select rolname from pg_roles where starts_with(rolname, $1)', [`${kept}.`]);
    await client.query(`drop role ${rows.map(({ rolname }) => identifier(rolname)).join(', ')}`);
  }));
  const before = await withClient(connectionConfig(adminUrl, { database: kept }), async (client) => (await client.query('select id from mod_specimen.mod_specimen_notes order by 1')).rows);
  assert.deepEqual(before, [{ id: 7 }, { id: 8 }]);
  assert.deepEqual(await ask('select owner from mainstay.modules'), [`${database}.mod_specimen.owner`]);
});

test('a restore that fails leaves no database and no roles behind', async (t) => {
  const { adminUrl, name: database, drop } = await testDatabase();
  t.after(drop);
  const target = adminUrl.replace(/\/[^/]*$/, `/${database}`);
  let spare = '';
  // Others restore on the same server meanwhile.
  const there = (names: string[]) => withClient(connectionConfig(adminUrl, { database: 'postgres' }), async (client) =>
    (await client.query<{ name: string }>('select datname as name from pg_database where datname = any($1) union all select rolname from pg_roles where starts_with(rolname, $2) order by 1', [names, `${spare}.`])).rows.map(({ name }) => name));
  await assert.rejects(withSpareDatabase(target, false, async (_url, name) => {
    spare = name;
    await provision({ adminUrl, database: spare, modules: ['mod-specimen'], secret: randomBytes(32).toString('hex') });
    assert.deepEqual(await there([database, spare]), ['', '.mod_specimen', '.mod_specimen.all_orgs', '.mod_specimen.owner'].map((suffix) => spare + suffix));
    throw new Error('the backup changed');
  }), /the backup changed/);
  assert.deepEqual([spare.startsWith('restoring_'), await there([database, spare])], [true, []]);
});
