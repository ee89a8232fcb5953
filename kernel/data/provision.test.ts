import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { connectionConfig, withClient } from './connection.ts';
import { rolesOf } from './names.ts';
import { migrate } from './migrate.ts';
import { orgKeyOf, passwordOf, provision } from './provision.ts';
import { testDatabase, testServer } from '../testing/postgres.ts';

const secret = 'b'.repeat(64);
const modules = ['mod-notes', 'mod-other'];

async function fresh(t: TestContext) {
  const { adminUrl, name, drop } = await testDatabase();
  t.after(drop);
  return { adminUrl, database: name, modules, secret };
}

/** Asks the database, as its administrator or as a role of it. */
const ask = ({ adminUrl, database }: { adminUrl: string; database: string }, sql: string, user?: string) =>
  withClient(connectionConfig(adminUrl, { database, ...(user && { user, password: passwordOf(secret, user) }) }), async (client) => (await client.query({ text: sql, rowMode: 'array' })).rows.flat());

test('processes that start at once make one database', async (t) => {
  const place = await fresh(t);
  await Promise.all([1, 2, 3, 4].map(() => provision(place)));
  assert.deepEqual(await ask(place, 'select module from mainstay.modules order by 1'), modules);
});

test('where nothing is missing it costs next to nothing', async (t) => {
  const place = await fresh(t);
  await provision(place);
  const before = await ask(place, 'select xmin::text from mainstay.modules order by module');
  const start = performance.now();
  await provision(place);
  t.diagnostic(`${(performance.now() - start).toFixed(1)} ms`);
  assert.ok(performance.now() - start < 200);
  assert.deepEqual(await ask(place, 'select xmin::text from mainstay.modules order by module'), before);
});

test('a module that is added later is provisioned beside the others', async (t) => {
  const place = await fresh(t);
  await provision(place);
  await provision({ ...place, modules: ['mod-late'] });
  assert.deepEqual(await ask(place, 'select module from mainstay.modules order by 1'), ['mod-late', ...modules]);
});

test('a role of one database may not enter another', async (t) => {
  const [first, second] = [await fresh(t), await fresh(t)];
  await provision(first);
  await provision(second);
  await assert.rejects(ask(second, 'select 1', rolesOf(first.database, 'mod-notes').login), /permission denied for database/);
});

test('nobody logs in as the owner of the tables', async (t) => {
  const place = await fresh(t);
  await provision(place);
  await assert.rejects(ask(place, 'select 1', rolesOf(place.database, 'mod-notes').owner), /not permitted to log in/);
});

test('names too long for PostgreSQL stay apart', () => {
  const database = 'x'.repeat(50);
  const roles = [...Object.values(rolesOf(database, 'mod-one')), ...Object.values(rolesOf(database, 'mod-two'))];
  assert.equal(new Set(roles).size, 6);
  assert.ok(roles.every((role) => role.length <= 63));
});

test('an administrator who is no superuser can provision and migrate', async (t) => {
  const place = await fresh(t);
  const admin = `admin_${place.database}`;
  await ask({ ...place, database: 'postgres' }, `create role ${admin} login createdb createrole`);
  const files = mkdtempSync(join(tmpdir(), 'mainstay-migrations-'));
  writeFileSync(join(files, '0001-notes.sql'), `create table mod_notes_notes (id int primary key, org_id uuid); select mainstay.protect_tenant_table('mod_notes_notes');`);
  t.after(async () => {
    rmSync(files, { recursive: true });
    await ask({ ...place, database: 'postgres' }, `drop role ${admin}`);
  });
  const adminUrl = (await testServer()).replace('//mainstay@', `//${admin}@`);
  const restricted = { ...place, adminUrl };
  await provision(restricted);
  await provision(restricted);
  assert.deepEqual(await migrate({ ...restricted, module: 'mod-notes', migrations: pathToFileURL(files) }), ['0001-notes.sql']);
  const { login } = rolesOf(place.database, 'mod-notes');
  const org = '00000000-0000-7000-8000-000000000001';
  const added = `with entered as materialized (select mainstay.enter_org('${org}', '\\x${orgKeyOf(secret).toString('hex')}', false)) insert into mod_notes_notes select 1, '${org}'::uuid from entered returning org_id`;
  assert.deepEqual(await ask(place, added, login), [org]);
  await ask(place, `select mainstay.enqueue_jobs('[{"job":"x"}]')`, login);
  assert.deepEqual(await ask(restricted, 'select count(*)::int from graphile_worker._private_jobs'), [1]);
});
