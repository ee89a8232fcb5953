import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { BoolValueSchema, StringValueSchema, type StringValue } from '@bufbuild/protobuf/wkt';
import { sql } from 'kysely';
import { z } from 'zod';
import { nestedKey } from '../commands/nested-key.ts';
import { connectionConfig, withClient } from '../data/connection.ts';
import { createDatabase, type ModuleDatabase } from '../data/create-database.ts';
import { migrate } from '../data/migrate.ts';
import { provision } from '../data/provision.ts';
import type { CloudEvent } from '../events/cloud-event.ts';
import { deliverEvent } from '../events/deliver-event.ts';
import { currentCall, runInCall, type Call } from '../guard/call.ts';
import { defineModule, on, type Module } from '../module/define-module.ts';
import { cron, job } from '../module/job.ts';
import { createLog } from '../telemetry/log.ts';
import { LedgerService } from '../testing/contract/gen/mainstay/testing/v1/ledger_pb.js';
import { testDatabase, type TestDatabase } from '../testing/postgres.ts';
import { until } from '../testing/until.ts';
import { startJobs, type RunningJobs } from './jobs.ts';

interface Tables { mod_b_seen: { id?: number; org_id?: string; text: string } }

const secret = 'd'.repeat(64);
const org = randomUUID();
const files = mkdtempSync(join(tmpdir(), 'mainstay-migrations-'));
const log = createLog({ level: 'silent' });

let server: TestDatabase;
let a: ModuleDatabase<{}>;
let b: ModuleDatabase<Tables>;
let running: RunningJobs | undefined;

/** What ran, in order; each test starts with none. */
let runs: string[] = [];
let fail: (what: string) => boolean = () => false;

const note = job('note', async (_: unknown, { text }: { text: string }) => {
  const { principal, traceId } = currentCall();
  runs.push(`${text} ${principal.kind === 'module' && principal.orgId === org} ${traceId[0]}`);
  if (fail(text)) throw new Error(`no ${text}`);
});
const slow = job('slow', async () => {
  runs.push('begun');
  await sleep(400);
  runs.push('done');
});
const remember = async ({ db }: { db: ModuleDatabase<Tables> }, { value }: StringValue) => {
  runs.push(value);
  await db.write((tx) => tx.insertInto('mod_b_seen').values({ text: value }).execute());
  if (fail(value)) throw new Error(`no ${value}`);
};
const modules = () => [
  { module: defineModule({ name: 'mod-a', requires: {}, config: z.object({}), jobs: [note, slow], emits: [StringValueSchema] }) as Module, context: {}, database: a },
  { module: defineModule({ name: 'mod-b', requires: {}, config: z.object({}), events: [on(StringValueSchema, remember as never)], jobs: [cron('tick', '* * * * *', async () => {})] }) as Module, context: { db: b }, database: b },
];

before(async () => {
  server = await testDatabase();
  const place = { adminUrl: server.adminUrl, database: server.name };
  writeFileSync(join(files, '0001-seen.sql'), `create table mod_b_seen (id serial primary key, org_id uuid, text text not null); select mainstay.protect_tenant_table('mod_b_seen');`);
  await provision({ ...place, modules: ['mod-a', 'mod-b'], secret });
  await migrate({ ...place, module: 'mod-b', migrations: pathToFileURL(files) });
  a = createDatabase({ ...place, module: 'mod-a', secret, declared: { emits: [StringValueSchema], jobs: [note, slow] }, queued: () => running?.queued() });
  b = createDatabase({ ...place, module: 'mod-b', secret });
  await start();
});

after(async () => {
  await running?.stop();
  await Promise.all([a.close(), b.close()]);
  await server.drop();
  rmSync(files, { recursive: true });
});

afterEach(async () => {
  fail = () => false;
  runs = [];
  await ask('delete from graphile_worker._private_jobs');
  await ask('delete from mod_b.mod_b_seen');
});

async function start(able = modules(), isShared = false): Promise<void> {
  running = await startJobs({ adminUrl: server.adminUrl, database: server.name, modules: able, subscribed: modules().map(({ module }) => module), isShared, log });
}
async function stop(): Promise<void> {
  await running?.stop();
  running = undefined;
}
const ask = (text: string): Promise<any[]> => withClient(connectionConfig(server.adminUrl, { database: server.name }), async (client) => (await client.query({ text, rowMode: 'array' })).rows.flat());
const call: Call = { principal: { kind: 'module', module: 'mod-a', orgId: org }, traceId: '7'.repeat(32) };
const command = <T>(work: Parameters<typeof a.write<T>>[0]) => runInCall(call, () => a.write(work));
const seen = () => runInCall({ ...call, principal: { kind: 'module', module: 'mod-b', orgId: org } }, () => b.read(async (q) => (await q.selectFrom('mod_b_seen').select('text').orderBy('id').execute()).map(({ text }) => text)));

test('a job runs in the org and the trace of the command that queued it', async () => {
  await command((tx) => tx.enqueue(note, { text: 'hello' }));
  await until(() => runs.length > 0);
  assert.deepEqual(runs, ['hello true 7']);
});

test('a command that queues work notifies nobody while it commits; other workers are told after it, if there are any', async () => {
  const heard: string[] = [];
  await withClient(connectionConfig(server.adminUrl, { database: server.name }), async (listener) => {
    listener.on('notification', ({ payload = '' }) => heard.push(payload));
    await listener.query('listen "jobs:insert"');
    const round = async (text: string) => {
      await command((tx) => tx.enqueue(note, { text }));
      await command((tx) => tx.emit(StringValueSchema, { value: text }, { aggregate: 'x' }));
      await ask(`select pg_notify('jobs:insert', '{"count":0,"mark":"${text}"}')`);
      await until(() => heard.some((payload) => payload.includes(text)));
    };
    await round('alone');
    assert.deepEqual(heard, ['{"count":0,"mark":"alone"}']);
    await stop();
    await start(modules(), true);
    await round('shared');
    await until(() => heard.includes('{"count":1}'));
  }).finally(async () => {
    await stop();
    await start();
  });
});

test('jobs and events of a command that fails never happened', async () => {
  await assert.rejects(command(async (tx) => {
    await tx.enqueue(note, { text: 'ghost' });
    await tx.emit(StringValueSchema, { value: 'ghost' }, { aggregate: 'x' });
    throw new Error('changed my mind');
  }), /changed my mind/);
  assert.deepEqual(await ask(`select count(*)::int from graphile_worker._private_jobs`), [0]);
  assert.deepEqual(await ask(`select count(*)::int from mod_a.mod_a_outbox where data = '"ghost"'`), [0]);
});

test('an event reaches the other module in its org, with the attributes of a cloud event', async () => {
  await command((tx) => tx.emit(StringValueSchema, { value: 'kept' }, { aggregate: 'promise-1' }));
  await until(async () => (await seen()).length === 1);
  const [type, subject, orgId, trace] = await ask(`select type, subject, org::text, trace_id from mod_a.mod_a_outbox where data = '"kept"'`);
  assert.deepEqual([type, subject, orgId, trace], ['google.protobuf.StringValue', 'promise-1', org, '7'.repeat(32)]);
});

test('an event that is delivered twice takes effect once', async () => {
  await command((tx) => tx.emit(StringValueSchema, { value: 'once' }, { aggregate: 'p' }));
  await until(async () => (await seen()).length === 1);
  const [event] = await ask(`select json_build_object('id', id, 'source', '/mod-a', 'type', type, 'subject', subject, 'data', data, 'orgid', org, 'traceid', trace_id) from mod_a.mod_a_outbox where data = '"once"'`);
  await ask(`select graphile_worker.add_job('mod-b/on:google.protobuf.StringValue', '${JSON.stringify(event)}')`);
  await until(async () => (await ask(`select count(*)::int from graphile_worker._private_jobs`))[0] === 0);
  assert.deepEqual(await seen(), ['once']);
  assert.deepEqual(runs, ['once']);
});

test('the commands that a handler of an event calls have the same keys however often it is tried, and those of another handler others', async () => {
  const keys: (string | undefined)[][] = [];
  const calling = async (_: unknown, { value }: StringValue) => {
    keys.push([1, 2].map(() => nestedKey(currentCall(), LedgerService.method.writeLine)));
    // Tried again at once, and then by the queue.
    if (keys.length === 1) throw Object.assign(new Error('a deadlock'), { code: '40P01' });
    if (keys.length === 2) throw new Error(`no ${value}`);
  };
  const event: CloudEvent = { specversion: '1.0', id: randomUUID(), source: '/mod-a', type: StringValueSchema.typeName, subject: 'x', time: new Date().toISOString(), data: 'x', orgid: org, traceid: '1'.repeat(32) };
  const deliver = (name: string) => deliverEvent({ module: 'mod-b', database: b, context: {} }, on(StringValueSchema, calling, name) as never, event);
  await assert.rejects(deliver('first'), /no x/);
  await deliver('first');
  await deliver('second');
  const [one, two, three, other] = keys;
  assert.deepEqual([two, three], [one, one]);
  assert.equal(new Set([...one!, ...other!]).size, 4);
});

test('an event for a module that can not run waits until it can', async () => {
  await stop();
  await start(modules().slice(0, 1));
  await command((tx) => tx.emit(StringValueSchema, { value: 'waits' }, { aggregate: 'w' }));
  await stop();
  assert.deepEqual(await seen(), []);
  await start();
  await until(async () => (await seen()).length === 1);
});

test('what a handler wrote before it failed is gone, and it is tried again', async () => {
  let failures = 1;
  fail = () => failures-- > 0;
  await command((tx) => tx.emit(StringValueSchema, { value: 'again' }, { aggregate: 'q' }));
  await until(() => runs.length === 1);
  assert.deepEqual(await seen(), []);
  await until(async () => (await seen()).length === 1);
  assert.deepEqual(runs, ['again', 'again']);
});

test('events of one aggregate keep their order though one fails at first; others pass', async () => {
  let failures = 1;
  fail = (value) => value === 'a1' && failures-- > 0;
  await command(async (tx) => {
    for (const value of ['a1', 'a2', 'a3']) await tx.emit(StringValueSchema, { value }, { aggregate: 'first' });
    await tx.emit(StringValueSchema, { value: 'b1' }, { aggregate: 'second' });
  });
  await until(async () => (await seen()).length === 4);
  assert.deepEqual((await seen()).filter((value) => value.startsWith('a')), ['a1', 'a2', 'a3']);
  assert.equal((await seen())[0], 'b1');
});

test('a job at a later time runs then, and not before, also when the process restarts before', async () => {
  const runAt = new Date(Date.now() + 1500);
  await command((tx) => tx.enqueue(note, { text: 'later' }, { runAt }));
  await stop();
  await start();
  await until(() => runs.length > 0);
  assert.ok(Date.now() >= runAt.getTime(), 'it ran too early');
});

test('a command may cause thousands of jobs and events', async () => {
  await command(async (tx) => {
    for (let n = 0; n < 3000; n++) {
      await tx.enqueue(note, { text: 'many' }, { runAt: new Date(Date.now() + 3_600_000), key: `many-${n}` });
      await tx.emit(StringValueSchema, { value: `${n}` }, { aggregate: `many-${n}` });
    }
    throw new Error('refused');
  }).catch(() => {});
  await command(async (tx) => {
    for (let n = 0; n < 3000; n++) await tx.enqueue(note, { text: 'many' }, { runAt: new Date(Date.now() + 3_600_000), key: `many-${n}` });
  });
  assert.deepEqual(await ask('select count(*)::int from graphile_worker._private_jobs'), [3000]);
});

test('an event that waited for another of its queue is taken when that is done, not with the next look at the queue', async () => {
  // With two looks a second these take longer than is waited here.
  const count = 150;
  await command(async (tx) => {
    for (let index = 0; index < count; index++) await tx.emit(StringValueSchema, { value: `${index}` }, { aggregate: 'one' });
  });
  await until(() => runs.length === count, () => `all are handled: ${runs.length} of ${count}`);
});

test('of two jobs with one key in one command the later one runs, and one that is cancelled does not', async () => {
  await command(async (tx) => {
    await tx.enqueue(note, { text: 'first' }, { key: 'same' });
    await tx.enqueue(note, { text: 'second' }, { key: 'same' });
    await tx.enqueue(note, { text: 'never' }, { key: 'never' });
    await tx.cancel(note, 'never');
  });
  await until(() => runs.length > 0);
  await sleep(300);
  assert.deepEqual(runs, ['second true 7']);
});

test('a key replaces the waiting job, and cancel takes it back', async () => {
  const runAt = new Date(Date.now() + 2000);
  await command((tx) => tx.enqueue(note, { text: 'old' }, { runAt, key: 'k' }));
  await command((tx) => tx.enqueue(note, { text: 'new' }, { runAt, key: 'k' }));
  await command((tx) => tx.enqueue(note, { text: 'cancelled' }, { runAt, key: 'c' }));
  await command((tx) => tx.cancel(note, 'c'));
  await until(() => runs.length > 0);
  await sleep(600);
  assert.deepEqual(runs, ['new true 7']);
});

test('a job whose key is that of one which runs, runs after it', async () => {
  await command((tx) => tx.enqueue(slow, {}, { key: 'k' }));
  await until(() => runs.includes('begun'));
  await command((tx) => tx.enqueue(slow, {}, { key: 'k' }));
  await until(() => runs.filter((run) => run === 'done').length === 2);
  assert.equal(runs.filter((run) => run === 'begun').length, 2);
  assert.deepEqual(await ask('select count(*)::int from graphile_worker._private_jobs'), [0]);
});

test('a job that fails backs off, ends as a dead letter, and can be retried or discarded', async () => {
  fail = () => true;
  const start = Date.now();
  await command((tx) => tx.enqueue(note, { text: 'doomed' }, { maxAttempts: 2 }));
  const letters = () => running!.deadLetters.list();
  await until(async () => (await letters()).length === 1);
  assert.equal(runs.length, 2);
  assert.ok(Date.now() - start > 2500, 'it backs off before it tries again');
  const [letter] = await letters();
  assert.deepEqual([letter!.module, letter!.job, letter!.attempts, letter!.error], ['mod-a', 'note', 2, 'no doomed']);
  fail = () => false;
  assert.equal(await running!.deadLetters.retry(letter!.id), true);
  await until(() => runs.length === 3);
  assert.equal(await running!.deadLetters.discard(letter!.id), false);
});

test('a dead letter that is discarded is gone', async () => {
  fail = () => true;
  const begun = new Date();
  await command((tx) => tx.enqueue(note, { text: 'doomed' }, { maxAttempts: 1 }));
  await until(async () => (await running!.deadLetters.list()).length === 1);
  const { id, failedAt } = (await running!.deadLetters.list())[0]!;
  assert.ok(failedAt >= begun && failedAt <= new Date(), `it failed at ${failedAt.toISOString()}`);
  assert.equal(await running!.deadLetters.discard(id), true);
  assert.deepEqual(await running!.deadLetters.list(), []);
});

test('the job of a process that was killed is taken over', async () => {
  await stop();
  await command((tx) => tx.enqueue(note, { text: 'orphan' }));
  await ask(`update graphile_worker._private_jobs set locked_by = 'pool-killed', locked_at = now() - interval '3 seconds', attempts = 1`);
  await start();
  await until(() => runs.length > 0);
  assert.deepEqual(runs, ['orphan true 7']);
});

test('the queue goes on after its connections were cut', async () => {
  await ask(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`);
  await command((tx) => tx.enqueue(note, { text: 'still here' })).catch(() => command((tx) => tx.enqueue(note, { text: 'still here' })));
  await until(() => runs.length > 0);
});

test('stopping waits for the job that runs', async () => {
  await command((tx) => tx.enqueue(slow, {}));
  await until(() => runs.includes('begun'));
  await stop();
  assert.deepEqual(runs, ['begun', 'done']);
  await start();
});

test("schedules are known to the queue, the kernel's own too", async () => {
  const known = await ask('select identifier from graphile_worker._private_known_crontabs order by 1');
  assert.deepEqual(known, ['kernel/prune-mailboxes', 'mod-b/tick']);
});

test('what was announced and handled more than 30 days ago is deleted', async () => {
  await command((tx) => tx.emit(StringValueSchema, { value: 'new' }, { aggregate: 'r' }));
  await ask(`insert into mod_a.mod_a_outbox (type, subject, data, time, trace_id) values ('t', 'old', '1', now() - interval '31 days', '')`);
  await ask(`insert into mod_b.mod_b_inbox values (uuidv7(), 'old', now() - interval '31 days')`);
  // Somebody removed a module, and forgot its row.
  await ask(`insert into mainstay.modules (module, schema, owner, login, all_orgs, fingerprint) values ('a-gone', 'a_gone', '', '', '', '')`);
  await ask(`select graphile_worker.add_job('kernel/prune-mailboxes')`);
  await until(async () => (await ask(`select count(*)::int from mod_a.mod_a_outbox where subject = 'old'`))[0] === 0);
  await until(async () => (await ask(`select count(*)::int from mod_b.mod_b_inbox where handler = 'old'`))[0] === 0);
  assert.deepEqual(await ask(`select count(*)::int from mod_a.mod_a_outbox where subject = 'r'`), [1]);
  await ask(`delete from mainstay.modules where module = 'a-gone'`);
});

test('what a module does not declare it can not cause', async () => {
  await assert.rejects(command((tx) => tx.enqueue(job('undeclared', async () => {}), {})), /mod-a queues undeclared without declaring it: add it to jobs in module.ts/);
  await assert.rejects(command((tx) => tx.emit(BoolValueSchema, { value: true }, { aggregate: 'x' })), /mod-a announces google.protobuf.BoolValue without declaring it: add it to emits/);
});

test('a module can not put a job of another module into the queue', async () => {
  await runInCall(call, () => b.write((tx) => sql`select mainstay.enqueue_jobs('[{"job":"note"}]')`.execute(tx)));
  assert.deepEqual(await ask(`select tasks.identifier from graphile_worker._private_jobs jobs join graphile_worker._private_tasks tasks on tasks.id = task_id`), ['mod-b/note']);
  await assert.rejects(runInCall(call, () => b.write((tx) => sql`select graphile_worker.add_job('mod-a/note')`.execute(tx))), /permission denied/);
});
