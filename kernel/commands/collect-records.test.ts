import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { AuditEntry, AuditLog } from '../audit/audit-log.ts';
import { connectionConfig } from '../data/connection.ts';
import { currentTime, setCurrentTime } from '../data/current-time.ts';
import { newId } from '../data/new-id.ts';
import { provision } from '../data/provision.ts';
import { createLog } from '../telemetry/log.ts';
import { testDatabase, type TestDatabase } from '../testing/postgres.ts';
import { until } from '../testing/until.ts';
import { collectRecords } from './collect-records.ts';
import { recordStatements, type RecordValues } from './command-record.ts';

const log = createLog({ level: 'silent' });
let server: TestDatabase;
let client: pg.Client;
let late: pg.Client;

before(async () => {
  server = await testDatabase();
  await provision({ adminUrl: server.adminUrl, database: server.name, modules: ['mod-a', 'mod-b'], secret: 'a'.repeat(64) });
  [client, late] = [new pg.Client(connectionConfig(server.adminUrl, { database: server.name })), new pg.Client(connectionConfig(server.adminUrl, { database: server.name }))];
  await Promise.all([client.connect(), late.connect()]);
});

after(async () => {
  await Promise.all([client.end(), late.end()]);
  await server.drop();
});

beforeEach(() => client.query('delete from mod_a.mod_a_commands; delete from mod_b.mod_b_commands'));

const record = async (by: pg.Client, module: string, key: string | null = null) => {
  const id = newId();
  await by.query(`insert into ${module}.${module}_commands (id, method, outcome, principal_kind, trace_id, subjects, idempotency) values ($1, 'test/Method', 'OK', 'module', $2, '{"a_id":"1"}', $3)`, [id, '0'.repeat(32), key]);
  return id;
};
const collect = (audit: AuditLog) => collectRecords({ adminUrl: server.adminUrl, database: server.name, modules: ['mod-a', 'mod-b'], audit, log });
/** An audit kept in memory. */
function keeping() {
  const kept: AuditEntry[] = [];
  return { kept, ids: () => kept.map(({ id }) => id), append: async (entries: readonly AuditEntry[]) => void kept.push(...entries) };
}

test('records are handed over in the order of their ids, and only those with a key stay', async () => {
  const ids = [await record(client, 'mod_a'), await record(client, 'mod_a', 'key'), await record(client, 'mod_a')];
  const other = await record(client, 'mod_b');
  const audit = keeping();
  await collect(audit).stop();
  assert.deepEqual(audit.ids(), [...ids.toSorted(), other]);
  const [{ time, ...entry }, , , last] = audit.kept as [AuditEntry, AuditEntry, AuditEntry, AuditEntry];
  assert.ok(time instanceof Date);
  assert.deepEqual([entry.module, entry.method, entry.outcome, entry.subjects, last.module], ['mod-a', 'test/Method', 'OK', { a_id: '1' }, 'mod-b']);
  assert.deepEqual((await client.query('select id, collected from mod_a.mod_a_commands')).rows, [{ id: ids[1], collected: true }]);
});

test('a record that is committed after later ones were handed over is not passed over', async () => {
  await late.query('begin');
  const first = await record(late, 'mod_a');
  const second = await record(client, 'mod_a');
  const audit = keeping();
  const collector = collect(audit);
  await until(() => audit.kept.length === 1);
  await late.query('commit');
  collector.soon();
  await until(() => audit.kept.length === 2);
  await collector.stop();
  assert.deepEqual(audit.ids(), [second, first]);
});

test('what the audit refused is handed over again, and nothing is lost', async () => {
  const ids = [await record(client, 'mod_a'), await record(client, 'mod_b')];
  const audit = keeping();
  let refusals = 2;
  const collector = collect({ append: (entries) => (refusals-- > 0 ? Promise.reject(new Error('full')) : audit.append(entries)) });
  await until(() => {
    collector.soon();
    return audit.kept.length === 2;
  });
  await collector.stop();
  assert.deepEqual(audit.ids(), ids);
});

test('what the audit took before the process died is handed over again', async () => {
  const id = await record(client, 'mod_a');
  const audit = keeping();
  // It dies between the audit's commit and its own.
  await collect({ append: async (entries) => {
    await audit.append(entries);
    throw new Error('killed');
  } }).stop();
  await collect(audit).stop();
  assert.deepEqual(new Set(audit.ids()), new Set([id]));
  assert.equal((await client.query('select from mod_a.mod_a_commands')).rowCount, 0);
});

test('records of refused commands that were kept, though nobody heard of it, can be kept again', async () => {
  const { insertMany } = recordStatements('mod-a');
  const refused = (): [...RecordValues, string] => [newId(), 'test/Method', 'test.NO', null, 'anonymous', null, null, null, null, null, '0'.repeat(32), '{}', new Date().toISOString()];
  const first = [refused(), refused()];
  for (const rows of [first, [...first, refused()]]) {
    const { sql, parameters } = insertMany(rows);
    await client.query(sql, [...parameters]);
  }
  assert.equal((await client.query('select from mod_a.mod_a_commands')).rowCount, 3);
});

test('the records of a module that can not be read do not hold up those of others', async () => {
  await record(client, 'mod_a');
  const id = await record(client, 'mod_b');
  await client.query('alter table mod_a.mod_a_commands rename to moved');
  try {
    const audit = keeping();
    await collect(audit).stop();
    assert.deepEqual(audit.ids(), [id]);
  } finally {
    await client.query('alter table mod_a.moved rename to mod_a_commands');
  }
});

test('how long records wait under load is measured by the clock of the database, wherever that of the process stands', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.now() });
  await record(client, 'mod_a');
  const jump = (milliseconds: number) => setCurrentTime(new Date(currentTime().getTime() + milliseconds), performance.now());
  const load = setInterval(() => { for (const end = performance.now() + 40; performance.now() < end; ); }, 1);
  const audit = keeping();
  const collector = collect(audit);
  try {
    await sleep(200);
    jump(10_000);
    await until(() => audit.kept.length === 1);
  } finally {
    clearInterval(load);
    jump(-10_000);
    await collector.stop();
  }
});
