import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';
import { StringValueSchema, type StringValue } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { z } from 'zod';
import { createDatabase, type ModuleDatabase } from '../data/create-database.ts';
import { provision } from '../data/provision.ts';
import { runInCall } from '../guard/call.ts';
import { defineModule, on, type Module } from '../module/define-module.ts';
import { startJobs, type RunningJobs } from '../process/jobs.ts';
import { createLog } from '../telemetry/log.ts';
import { testDatabase, type TestDatabase } from '../testing/postgres.ts';
import { until } from '../testing/until.ts';
import { readHandlerLag } from './handler-lag.ts';
import { replayEvents } from './replay-events.ts';

const secret = 'f'.repeat(64);
const org = randomUUID();
const handler = StringValueSchema.typeName;
const log = createLog({ level: 'silent' });

let server: TestDatabase;
let a: ModuleDatabase<{}>;
let b: ModuleDatabase<{}>;
let running: RunningJobs;
let seen: string[] = [];
let fail: (value: string) => boolean = () => false;

const handle = (name: string) => async (_: unknown, { value }: StringValue) => {
  if (fail(value)) throw new Error(`no ${value}`);
  seen.push(`${name} ${value}`);
};
const emitter = defineModule({ name: 'mod-a', requires: {}, config: z.object({}), emits: [StringValueSchema] }) as Module;
const subscriber = defineModule({ name: 'mod-b', requires: {}, config: z.object({}), events: [on(StringValueSchema, handle('first')), on(StringValueSchema, handle('second'), 'second')] }) as Module;

before(async () => {
  server = await testDatabase();
  const place = { adminUrl: server.adminUrl, database: server.name };
  await provision({ ...place, modules: ['mod-a', 'mod-b'], secret });
  a = createDatabase({ ...place, module: 'mod-a', secret, queued: () => running?.queued() });
  b = createDatabase({ ...place, module: 'mod-b', secret });
  running = await startJobs({ ...place, modules: [{ module: emitter, context: {}, database: a }, { module: subscriber, context: {}, database: b }], log });
});

after(async () => {
  await running.stop();
  await Promise.all([a.close(), b.close()]);
  await server.drop();
});

afterEach(async () => {
  fail = () => false;
  seen = [];
  for (const table of ['graphile_worker._private_jobs', 'mod_a.mod_a_outbox', 'mod_b.mod_b_inbox']) await server.sql(`delete from ${table}`);
});

const announce = (values: readonly (readonly [aggregate: string, value: string])[]) => runInCall({ principal: { kind: 'module', module: 'mod-a', orgId: org }, traceId: '7'.repeat(32) }, () => a.write(async (tx) => {
  for (const [aggregate, value] of values) await tx.emit(StringValueSchema, { value }, { aggregate });
}));
const idle = () => until(async () => (await server.sql('select from graphile_worker._private_jobs where attempts < max_attempts')).length === 0, 'the queue is empty');
const always = { module: 'mod-b', from: '2000-01-01T00:00:00Z', to: '2100-01-01T00:00:00Z', dryRun: false };

test('an event on its way has every attribute of a cloud event', async () => {
  fail = () => true;
  await announce([['x', 'whole']]);
  const [{ payload }] = await server.sql<{ payload: Record<string, unknown> }>('select payload from graphile_worker._private_jobs limit 1') as [{ payload: Record<string, unknown> }];
  const { id, time, ...rest } = payload;
  assert.match(String(id), /^[0-9a-f-]{36}$/);
  assert.ok(!Number.isNaN(Date.parse(String(time))));
  assert.deepEqual(rest, { specversion: '1.0', source: '/mod-a', type: handler, subject: 'x', datacontenttype: 'application/json', dataschema: `proto:${handler}`, data: 'whole', orgid: org, traceid: '7'.repeat(32), traceparent: null, tracestate: null });
  fail = () => false;
  await idle();
});

test('a dry run counts and does nothing; a replay lets the named handler run again, once', async () => {
  await announce([['x', '1'], ['x', '2'], ['y', '3']]);
  await idle();
  assert.equal(seen.length, 6);
  assert.deepEqual(await replayEvents(running.pool, { ...always, id: randomUUID(), dryRun: true }), [{ handler, eventType: handler, events: 3 }, { handler: 'second', eventType: handler, events: 3 }]);
  await idle();
  assert.equal(seen.length, 6);
  seen = [];
  const id = randomUUID();
  for (let times = 0; times < 2; times++) {
    assert.deepEqual(await replayEvents(running.pool, { ...always, id, handler: 'second' }), [{ handler: 'second', eventType: handler, events: 3 }]);
    await idle();
  }
  assert.deepEqual([...seen].sort(), ['second 1', 'second 2', 'second 3']);
  assert.deepEqual(seen.filter((each) => each !== 'second 3'), ['second 1', 'second 2']);
  await replayEvents(running.pool, { ...always, id: randomUUID(), handler: 'second' });
  await idle();
  assert.equal(seen.length, 6);
});

test('only what was announced in the period is replayed', async () => {
  await announce([['x', 'old']]);
  await server.sql(`update mod_a.mod_a_outbox set time = now() - interval '3 days'`);
  await announce([['x', 'new']]);
  await idle();
  const day = (ago: number) => new Date(Date.now() - ago * 86_400_000).toISOString();
  const events = async (from: string, to: string) => (await replayEvents(running.pool, { ...always, id: randomUUID(), from, to, dryRun: true }))[0]!.events;
  assert.deepEqual([await events(day(4), day(2)), await events(day(2), day(-1)), await events(day(4), day(-1)), await events(day(2), day(1))], [1, 1, 2, 0]);
  assert.deepEqual(await replayEvents(running.pool, { ...always, id: randomUUID(), type: 'mod.a.v1.Other' }), []);
});

test('replayed events of an aggregate keep their order, before those that are announced meanwhile, though some fail at first', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.nat(3), { minLength: 1, maxLength: 12 }), fc.array(fc.nat(3), { maxLength: 5 }), fc.nat(11), async (before, later, failing) => {
    const named = (aggregates: number[], word: string) => aggregates.map((aggregate, at) => [`${aggregate}`, `${aggregate} ${word} ${at}`] as const);
    await announce(named(before, 'before'));
    await idle();
    seen = [];
    let failures = 1;
    fail = (value) => value.endsWith(`before ${failing}`) && failures-- > 0;
    await replayEvents(running.pool, { ...always, id: randomUUID(), handler: 'second' });
    await announce(named(later, 'later'));
    await idle();
    for (const aggregate of [0, 1, 2, 3]) {
      const wanted = [...named(before, 'before'), ...named(later, 'later')].filter(([of]) => of === `${aggregate}`).map(([, value]) => `second ${value}`);
      assert.deepEqual(seen.filter((each) => each.startsWith(`second ${aggregate} `)), wanted);
    }
    for (const table of ['mod_a.mod_a_outbox', 'mod_b.mod_b_inbox']) await server.sql(`delete from ${table}`);
  }), { numRuns: 4 });
});

test('how far each handler is behind is known', async () => {
  fail = () => true;
  await announce([['x', 'late']]);
  await until(async () => (await server.sql('select from graphile_worker._private_jobs where attempts > 0 and locked_at is null')).length === 2);
  await server.sql(`update graphile_worker._private_jobs set created_at = now() - interval '1 hour', run_at = now() - interval '1 second', locked_at = now(), locked_by = 'nobody'`);
  const lags = await readHandlerLag(running.pool, 'mod-b');
  assert.deepEqual(lags.map((lag) => [lag.handler, lag.eventType, lag.waiting, lag.deadLetters, Math.round(lag.lagSeconds / 60)]), [[handler, handler, 1, 0, 60], ['second', handler, 1, 0, 60]]);
  assert.deepEqual(await readHandlerLag(running.pool, 'mod-a'), []);
  const [lag] = (await running.metrics()).filter(({ name }) => name === 'mainstay.events.lag');
  assert.deepEqual(lag!.samples.map((sample) => 'labels' in sample && sample.labels), [{ module: 'mod-b', handler }, { module: 'mod-b', handler: 'second' }]);
});
