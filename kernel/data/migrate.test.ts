import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { testDatabase } from '../testing/postgres.ts';
import { connectionConfig, withClient } from './connection.ts';
import { migrate } from './migrate.ts';
import { identifier, rolesOf } from './names.ts';
import { passwordOf, provision } from './provision.ts';

const secret = 'c'.repeat(64);
const module = 'mod-notes';

/** A provisioned database and a folder of migrations, of which the first creates a table. */
async function fresh(t: TestContext) {
  const { adminUrl, name: database, drop } = await testDatabase();
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-migrations-'));
  t.after(async () => { rmSync(folder, { recursive: true }); await drop(); });
  await provision({ adminUrl, database, modules: [module], secret });
  const write = (name: string, sql: string) => writeFileSync(join(folder, name), sql);
  write('0001-notes.sql', 'create table mod_notes_notes (id int primary key)');
  const ask = (sql: string, user?: string) =>
    withClient(connectionConfig(adminUrl, { database, ...(user && { user, password: passwordOf(secret, user) }) }), async (client) => (await client.query({ text: sql, rowMode: 'array' })).rows.flat());
  return { folder, write, ask, database, run: () => migrate({ adminUrl, database, module, migrations: pathToFileURL(folder) }) };
}

test('files run once, in order', async (t) => {
  const { write, run, ask } = await fresh(t);
  write('0002-title.sql', 'alter table mod_notes_notes add title text');
  assert.deepEqual(await run(), ['0001-notes.sql', '0002-title.sql']);
  assert.deepEqual(await run(), []);
  write('0003-body.sql', 'alter table mod_notes_notes add body text');
  assert.deepEqual(await run(), ['0003-body.sql']);
  assert.deepEqual(await ask('select name from mod_notes.mod_notes_migrations order by 1'), ['0001-notes.sql', '0002-title.sql', '0003-body.sql']);
});

test('of four processes that start at once each file is run by one', async (t) => {
  const { write, run } = await fresh(t);
  write('0002-row.sql', 'insert into mod_notes_notes values (1); select pg_sleep(0.1)');
  const applied = await Promise.all([run(), run(), run(), run()]);
  assert.deepEqual(applied.flat().sort(), ['0001-notes.sql', '0002-row.sql']);
});

test('a file that was changed after it ran is refused', async (t) => {
  const { write, run } = await fresh(t);
  await run();
  write('0001-notes.sql', 'create table mod_notes_notes (id bigint primary key)');
  await assert.rejects(run(), /^Error: migration 0001-notes.sql of mod-notes was changed after it was applied: restore it and add a new one$/);
});

test('a file that ran and is gone is refused', async (t) => {
  const { folder, write, run } = await fresh(t);
  write('0002-title.sql', 'alter table mod_notes_notes add title text');
  await run();
  unlinkSync(join(folder, '0001-notes.sql'));
  await assert.rejects(run(), /0001-notes.sql of mod-notes was applied and its file is gone/);
});

test('an older version is refused on the data of a newer one, and the newer one goes on', async (t) => {
  const { folder, write, run } = await fresh(t);
  await run();
  for (const name of ['0002-title.sql', '0003-body.sql']) write(name, `alter table mod_notes_notes add "${name}" text`);
  await run();
  for (const name of ['0002-title.sql', '0003-body.sql']) unlinkSync(join(folder, name));
  await assert.rejects(run(), /^Error: the data of mod-notes was made by a newer version, whose migration 0002-title.sql this version does not have: run that version, or restore a backup from before it$/);
  for (const name of ['0002-title.sql', '0003-body.sql']) write(name, `alter table mod_notes_notes add "${name}" text`);
  assert.deepEqual(await run(), []);
});

test('a new file with an old number is refused', async (t) => {
  const { write, run } = await fresh(t);
  write('0003-third.sql', 'select 1');
  await run();
  write('0002-second.sql', 'select 1');
  await assert.rejects(run(), /0002-second.sql of mod-notes comes before 0003-third.sql/);
});

for (const name of ['1-short.sql', '0002-Upper.sql', 'notes.txt', '0002_under.sql']) {
  test(`a file named ${name} is refused`, async (t) => {
    const { write, run, ask } = await fresh(t);
    write(name, 'select 1');
    await assert.rejects(run(), /needs a name such as 0001-create-things.sql/);
    assert.deepEqual(await ask(`select to_regclass('mod_notes.mod_notes_notes')`), [null]);
  });
}

test('two files with one number are refused', async (t) => {
  const { write, run } = await fresh(t);
  write('0001-other.sql', 'select 1');
  await assert.rejects(run(), /two migrations of mod-notes have the number 0001/);
});

test('a failing file leaves nothing and names its line', async (t) => {
  const { write, run, ask } = await fresh(t);
  write('0002-bad.sql', 'create table mod_notes_more (id int);\n\nselct 1;');
  await assert.rejects(run(), /migration 0002-bad.sql of mod-notes failed in line 3: syntax error/);
  assert.deepEqual(await ask(`select to_regclass('mod_notes.mod_notes_more')`), [null]);
  assert.deepEqual(await ask('select name from mod_notes.mod_notes_migrations'), ['0001-notes.sql']);
});

test('a file that ends its transaction is refused', async (t) => {
  const { write, run } = await fresh(t);
  write('0002-commits.sql', 'select 1; commit;');
  await assert.rejects(run(), /leave out commit and rollback/);
});

test('a table without the prefix of its module is refused', async (t) => {
  const { write, run } = await fresh(t);
  write('0002-astray.sql', 'create table notes (id int)');
  await assert.rejects(run(), /table notes does not carry the module's prefix: name it mod_notes_notes/);
});

test('a table with an org that every org could read is refused', async (t) => {
  const { write, run } = await fresh(t);
  write('0002-open.sql', 'create table mod_notes_open (id int, org_id uuid)');
  await assert.rejects(run(), /mod_notes_open has an org_id and is open to every org: add select mainstay.protect_tenant_table/);
});

test('a migration sees and changes the rows of every org', async (t) => {
  const { write, run, ask } = await fresh(t);
  write('0002-tenants.sql', `create table mod_notes_tenants (org_id uuid, n int); select mainstay.protect_tenant_table('mod_notes_tenants')`);
  write('0003-rows.sql', 'insert into mod_notes_tenants select uuidv7(), 1 from generate_series(1, 3); update mod_notes_tenants set n = 2');
  await run();
  assert.deepEqual(await ask('select n from mod_notes.mod_notes_tenants'), [2, 2, 2]);
});

test('the history is out of reach at run time', async (t) => {
  const { run, ask, database } = await fresh(t);
  await run();
  await assert.rejects(ask('delete from mod_notes_migrations', rolesOf(database, module).login), /permission denied/);
});

test('an index is built outside a transaction beside open ones, and half an index is built anew', async (t) => {
  const { write, run, ask } = await fresh(t);
  await run();
  await ask('insert into mod_notes.mod_notes_notes select generate_series(1, 100)');
  // What a killed build leaves: an index that is there and not valid.
  await assert.rejects(ask('create table mod_notes.mod_notes_twice as select 1 as n from generate_series(1, 2); create unique index mod_notes_twice_n on mod_notes.mod_notes_twice (n)'));
  await ask('create table mod_notes.mod_notes_twice as select 1 as n from generate_series(1, 2)');
  await assert.rejects(ask('create unique index concurrently mod_notes_twice_n on mod_notes.mod_notes_twice (n)'), /could not create unique index/);
  assert.deepEqual(await ask(`select indisvalid from pg_index where indexrelid = 'mod_notes.mod_notes_twice_n'::regclass`), [false]);
  await ask('delete from mod_notes.mod_notes_twice');
  await ask('alter table mod_notes.mod_notes_twice owner to ' + identifier(rolesOf(await ask('select current_database()').then(([name]) => name as string), module).owner));
  write('0002-index.sql', '-- outside a transaction\n-- for the list\ncreate unique index concurrently if not exists mod_notes_twice_n on mod_notes_twice (n);\n');
  const applied = await Promise.all([run(), run(), run()]);
  assert.deepEqual(applied.flat(), ['0002-index.sql']);
  assert.deepEqual(await ask(`select indisvalid from pg_index where indexrelid = 'mod_notes.mod_notes_twice_n'::regclass`), [true]);
});

test('outside a transaction stands one index and nothing else', async (t) => {
  const { write, run } = await fresh(t);
  write('0002-more.sql', '-- outside a transaction\ncreate index concurrently if not exists a on mod_notes_notes (id); drop table mod_notes_notes');
  await assert.rejects(run(), /0002-more\.sql of mod-notes failed: outside a transaction it may only hold one "create index concurrently if not exists"/);
});
