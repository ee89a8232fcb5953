import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Module } from '@mainstay/kernel';
import { connectionConfig, identifier, migrate, provision, withClient } from '@mainstay/kernel/administration';
import { testDatabase } from '@mainstay/kernel/testing';
import { place } from './place.ts';

const steps = { step: <T>(_: string, work: (say: (detail: string) => void) => Promise<T>) => work(() => {}), line() {} };
const org = (slot: number) => `00000000-0000-4000-8000-0000000000${slot.toString(16).padStart(2, '0')}`;
const secret = 'e'.repeat(64);

afterEach(() => {
  delete process.env.DATABASE_URL;
  delete process.env.MAINSTAY_HOME;
});

/** A deployment of one module on a server of others, in one database, as an administrator who is no superuser. */
async function deployment(t: TestContext, sql: string) {
  const { adminUrl: superUrl, name: database, drop } = await testDatabase();
  const home = mkdtempSync(join(tmpdir(), 'mainstay-placing-'));
  const admin = `admin_${randomBytes(4).toString('hex')}`;
  const control = connectionConfig(superUrl, { database: 'postgres' });
  await withClient(control, (client) => client.query(`create role ${admin} login createdb createrole password 'secret'`));
  const url = new URL(superUrl.replace('@', ':x@').replace(/\/[^/?]*(?=\?|$)/, `/${database}`));
  [url.username, url.password] = [admin, 'secret'];
  const databases = () => withClient(control, async (client) => (await client.query<{ datname: string }>('select datname from pg_database where starts_with(datname, $1) order by 1', [database])).rows.map(({ datname }) => datname.slice(database.length)));
  const roles = () => withClient(control, async (client) => (await client.query<{ rolname: string }>('select rolname from pg_roles where starts_with(rolname, $1) order by 1', [database])).rows.map(({ rolname }) => rolname));
  t.after(async () => {
    const [left, leftRoles] = [await databases(), await roles()];
    await withClient(control, async (client) => {
      for (const name of left) await client.query(`drop database ${identifier(database + name)} with (force)`);
      for (const role of [...leftRoles, admin]) await client.query(`drop role ${identifier(role)}`);
    });
    await drop();
    rmSync(home, { recursive: true });
  });
  const migrations = pathToFileURL(`${join(home, 'migrations')}/`);
  mkdirSync(migrations);
  writeFileSync(new URL('0001-tables.sql', migrations), sql);
  await provision({ adminUrl: url.href, database, modules: ['mod-specimen', 'sys-door'], secret });
  await migrate({ adminUrl: url.href, database, module: 'mod-specimen', migrations });
  Object.assign(process.env, { DATABASE_URL: url.href, MAINSTAY_HOME: home });
  mkdirSync(join(home, 'house'));
  writeFileSync(join(home, 'house/secrets.env'), `MAINSTAY_SECRET=${secret}\n`);
  const file = join(home, 'house.yaml');
  writeFileSync(file, 'name: house\nphase: T\nmodules:\n  mod-specimen:\n  sys-door:\n');
  const parts = join(home, 'parts.yaml');
  writeFileSync(parts, 'processes:\n  main: {modules: ["*"]}\n  parts: {modules: [mod-specimen], database: parts, shards: 2}\n');
  const modules = [{ name: 'mod-specimen', shardBy: 'org', database: { migrations } }, { name: 'sys-door', gateway: {} }] as unknown as Module[];
  const ask = (text: string, of = '') => withClient(connectionConfig(superUrl, { database: database + of }), async (client) => [await client.query({ text, rowMode: 'array' })].flat().at(-1)!.rows.flat());
  const to = (placement: string) => place({ placement, deployment: file, modules }, steps);
  const kept = () => JSON.parse(readFileSync(join(home, 'house/placement.json'), 'utf8')) as Record<string, unknown>;
  return { database, databases, roles, ask, to, parts, kept };
}

const notes = `
  create table mod_specimen_notes (id bigint generated always as identity, org_id uuid not null, text text, twice text generated always as (text || text) stored, primary key (id, org_id));
  select mainstay.protect_tenant_table('mod_specimen_notes');
  create table mod_specimen_kinds (name text primary key, meaning text);
  insert into mod_specimen_kinds values ('one', '1'), ('other', '2')`;

const fill = `
  insert into mod_specimen.mod_specimen_notes (org_id, text) values ('${org(3)}', 'low'), ('${org(127)}', E'mid\\tdle'), ('${org(128)}', null), ('${org(255)}', 'high');
  insert into mod_specimen.mod_specimen_inbox (event_id, handler) values ('${org(9)}', 'heard');
  insert into graphile_worker._private_tasks (identifier) values ('mod-specimen/remind'), ('mod-specimen/tidy'), ('other/on:noted'), ('sys-door/watch');
  insert into graphile_worker._private_job_queues (queue_name) values ('other:1');
  insert into graphile_worker._private_jobs (task_id, job_queue_id, payload, run_at, attempts, max_attempts, key, last_error, locked_at, locked_by)
    select t.id, q.id, j.payload::json, j.run_at::timestamptz, j.attempts, 25, j.key, j.last_error, j.locked_at::timestamptz, j.locked_by from (values
      ('mod-specimen/remind', null, '{"orgId":"${org(3)}", "id":"a"}', '2031-02-03 04:05:06.123456+00', 4, 'remind/3', 'was down', null, null),
      ('mod-specimen/remind', null, '{"orgId":"${org(200)}","id":"b"}', '2032-01-01', 2, 'remind/200', null, '2026-01-01', 'a worker that was killed'),
      ('mod-specimen/tidy', null, '{"id":"c"}', '2033-01-01', 0, 'tidy', null, null, null),
      ('other/on:noted', 'other:1', '{"source":"/mod-specimen","orgid":"${org(200)}","id":"d","subject":"x"}', '2034-01-01', 0, null, null, null, null),
      ('sys-door/watch', null, '{"id":"e"}', '2035-01-01', 0, null, null, null, null)) as j (task, queue, payload, run_at, attempts, key, last_error, locked_at, locked_by)
      join graphile_worker._private_tasks t on t.identifier = j.task left join graphile_worker._private_job_queues q on q.queue_name = j.queue`;

const rows = 'select n::text from mod_specimen.mod_specimen_notes n order by 1';
const jobs = `select json_build_array(t.identifier, q.queue_name, payload, run_at, attempts, key, last_error, j.locked_at)::text from graphile_worker._private_jobs j
  join graphile_worker._private_tasks t on t.id = task_id left join graphile_worker._private_job_queues q on q.id = job_queue_id order by 1`;
const noted = "select process || slot / 128 || ':' || count(*) || ':' || min(shard) || max(shard) from mainstay.shard_map group by process, slot / 128 order by 1";

test('rows and jobs go to the shard of their org and back, those of no org to each and back once, with tries, times and keys', async (t) => {
  const { ask, to, parts, databases, roles, kept, database } = await deployment(t, notes);
  await ask(fill);
  const [rowsBefore, jobsBefore] = [await ask(rows), await ask(jobs)] as [string[], string[]];
  const asked = (jobs: string[], what: RegExp) => jobs.filter((job) => what.test(job));
  const letGo = (job: string) => job.replace('"2026-01-01T00:00:00+00:00"]', 'null]').replace(', 2, "remind/200"', ', 1, "remind/200"');

  const { moved } = await to(parts);
  assert.deepEqual(moved.map(({ modules, jobs }) => [modules, jobs]), [[['mod-specimen'], 5]]);
  assert.deepEqual(await databases(), ['', '_parts_0', '_parts_1']);
  assert.deepEqual([await ask(rows, '_parts_0'), await ask(rows, '_parts_1')], [rowsBefore.slice(0, 2), rowsBefore.slice(2)]);
  for (const shard of ['_parts_0', '_parts_1']) {
    assert.deepEqual(await ask('select name from mod_specimen.mod_specimen_kinds order by 1', shard), ['one', 'other']);
    assert.deepEqual(await ask('select handler from mod_specimen.mod_specimen_inbox', shard), ['heard']);
  }
  assert.deepEqual(await ask(jobs, '_parts_0'), asked(jobsBefore, /remind\/3"|tidy/));
  assert.deepEqual(await ask(jobs, '_parts_1'), asked(jobsBefore, /remind\/200"|tidy|noted/).map(letGo));
  assert.deepEqual(await ask(jobs), asked(jobsBefore, /sys-door/));
  assert.deepEqual(await ask(noted), ['parts0:128:00', 'parts1:128:11']);
  assert.deepEqual([await ask("select to_regnamespace('mod_specimen')"), await ask('select module from mainstay.modules'), (await roles()).some((role) => role.startsWith(`${database}.mod_specimen`))], [[null], ['sys-door'], false]);
  assert.equal((await ask(`insert into mod_specimen.mod_specimen_notes (org_id) values ('${org(200)}') returning id`, '_parts_1'))[0], '5');
  await ask('delete from mod_specimen.mod_specimen_notes where id = 5', '_parts_1');

  await to('one-process');
  assert.deepEqual([await ask(rows), await ask(jobs), await databases(), await ask(noted)], [rowsBefore, jobsBefore.map(letGo), [''], []]);
  assert.deepEqual(kept(), { placement: 'one-process', homes: { 'mod-specimen': [''], 'sys-door': [''] } });
});

test('rows that slots left behind when they moved do not come along, but for what the audit lacks', async (t) => {
  const { ask, to, parts } = await deployment(t, notes);
  await ask(fill);
  await to(parts);
  const record = (slot: number, collected: boolean, id: number) => `insert into mod_specimen.mod_specimen_commands (id, method, outcome, org, principal_kind, trace_id, subjects, idempotency, collected)
    values ('${org(id)}', 'Note', 'OK', '${org(slot)}', 'account', '', '{}', '\\x0${slot}', ${collected})`;
  await ask(`delete from mainstay.slots where slot = 3; ${record(3, false, 1)}`, '_parts_0');
  await ask(`insert into mainstay.slots (slot) values (3); ${record(3, true, 1)}; insert into mod_specimen.mod_specimen_notes (id, org_id, text) overriding system value values (1, '${org(3)}', 'newer')`, '_parts_1');
  await to('one-process');
  assert.deepEqual(await ask(`select text from mod_specimen.mod_specimen_notes where org_id = '${org(3)}'`), ['newer']);
  assert.deepEqual(await ask('select collected, idempotency is null from mod_specimen.mod_specimen_commands order by 1'), [false, true, true, false]);
});

test('fewer shards are refused with the way there, which leads to them', async (t) => {
  const { ask, to, parts, databases } = await deployment(t, notes);
  await ask(fill);
  await to(parts);
  const fewer = parts.replace('parts.yaml', 'fewer.yaml');
  writeFileSync(fewer, 'processes:\n  main: {modules: ["*"]}\n  parts: {modules: [mod-specimen], database: parts, shards: 1}\n');
  await assert.rejects(to(fewer), { name: 'OperatorError', message: new RegExp(`shards can not be taken away while others stay; bring all together first with \\./mainstay place one-process --deployment \\S+, then divide them anew with \\./mainstay place ${fewer} --deployment \\S+$`) });
  await to('one-process');
  await to(fewer);
  assert.deepEqual([(await ask(rows, '_parts_0')).length, await databases()], [4, ['', '_parts_0']]);
});

test('what can not be moved whole stays where it is, and is told', async (t) => {
  const { ask, to, parts, databases, kept, database } = await deployment(t, notes);
  await ask(fill);
  const refused = async (placement: string, message: RegExp) => {
    await assert.rejects(to(placement), { name: 'OperatorError', message });
  };
  await withClient(connectionConfig(process.env.DATABASE_URL!), (_client) => refused(parts, new RegExp(`somebody is connected to ${database}`)));
  await withClient(connectionConfig(process.env.DATABASE_URL!, { database: 'postgres' }), (client) => client.query(`create database ${database}_parts_1`));
  await refused(parts, /the database \w+_parts_1 is there already, and holds nothing of this deployment/);
  await withClient(connectionConfig(process.env.DATABASE_URL!, { database: 'postgres' }), (client) => client.query(`drop database ${database}_parts_1`));
  assert.equal((await ask(rows)).length, 4);
  await to(parts);
  const before = await ask(rows, '_parts_1');
  await ask('delete from mainstay.slots where slot = 7', '_parts_0');
  await refused('one-process', /slots 7 of parts are between two shards/);
  await ask('insert into mainstay.slots (slot) values (7)', '_parts_0');
  await ask("alter table mod_specimen.mod_specimen_kinds add note text", '_parts_0');
  await ask("alter table mod_specimen.mod_specimen_kinds add note text default 'here'", '_parts_1');
  await refused('one-process', /this build has no place for "mod_specimen"\."mod_specimen_kinds", note/);
  assert.equal((kept().placing as { stage: string }).stage, 'copying');
  await ask('alter table mod_specimen.mod_specimen_kinds drop note', '_parts_0');
  await ask('alter table mod_specimen.mod_specimen_kinds drop note', '_parts_1');
  await ask("update mod_specimen.mod_specimen_kinds set meaning = 'two' where name = 'other'", '_parts_1');
  await refused('one-process', /"mod_specimen"\."mod_specimen_kinds" belongs to no org and differs between the shards/);
  await to(parts);
  assert.deepEqual([await ask(rows, '_parts_1'), await databases(), kept().placing], [before, ['', '_parts_0', '_parts_1'], undefined]);
  assert.deepEqual(await ask("select to_regnamespace('mod_specimen')"), [null], 'copies are taken back');
});
