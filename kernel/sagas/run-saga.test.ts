import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import { z } from 'zod';
import { nestedKey } from '../commands/nested-key.ts';
import { createDatabase, type ModuleDatabase } from '../data/create-database.ts';
import { migrate } from '../data/migrate.ts';
import { provision } from '../data/provision.ts';
import { currentCall, runInCall, type Call } from '../guard/call.ts';
import { defineModule, type Module } from '../module/define-module.ts';
import { startJobs, type RunningJobs } from '../process/jobs.ts';
import { cancelSaga, readSaga, retrySaga } from '../process/saga-operations.ts';
import { createLog } from '../telemetry/log.ts';
import { LedgerService } from '../testing/contract/gen/mainstay/testing/v1/ledger_pb.js';
import { testDatabase, type TestDatabase } from '../testing/postgres.ts';
import { until } from '../testing/until.ts';
import { defineSaga, givingUp, sleepUntil, step, waitFor, type StepFacts } from './saga.ts';

interface Tables { mod_t_notes: { id?: number; org_id?: string; text: string } }
interface Needs { db: ModuleDatabase<Tables> }

const secret = 'e'.repeat(64);
const org = randomUUID();
const files = mkdtempSync(join(tmpdir(), 'mainstay-migrations-'));

let server: TestDatabase;
let db: ModuleDatabase<Tables>;
let running: RunningJobs[] = [];
/** What goes wrong at a step, the first of its errors at its first try. */
let troubles: Record<string, unknown[]> = {};

async function act(what: string): Promise<void> {
  const trouble = troubles[what]?.shift();
  await db.write((tx) => tx.insertInto('mod_t_notes').values({ text: what }).execute());
  if (trouble === 'reach') {
    nestedKey(currentCall(), LedgerService.method.writeLine);
    throw givingUp(new Error(`no ${what}`));
  }
  if (trouble === 'slow') await sleep(10_000, undefined, { signal: currentCall().signal });
  if (trouble) throw trouble;
}
const name = z.object({ name: z.string() });
const backoff = { first: 0.01, most: 0.02 };
const trip = defineSaga({
  name: 'trip',
  input: name,
  backoff,
  steps: [
    step('flight', async (_: Needs, { input }: StepFacts) => { await act('flight'); return `to ${input.name}`; }, async (_, { result }) => act(`no flight ${result}`)),
    step('hotel', async (_: Needs, { results }: StepFacts) => { await act(`hotel ${results.flight}`); }, async () => act('no hotel'), { seconds: 1, tries: 3 }),
    step('insurance', async () => act('insurance')),
    step('car', async () => act('car'), async (_, { result }) => act(`no car ${result}`), { tries: 2 }),
  ],
});
const nap = defineSaga({ name: 'nap', input: z.object({ until: z.iso.datetime() }), steps: [sleepUntil('rest', ({ input }) => new Date(input.until)), step('wake', () => act('awake'))] });
const order = defineSaga({
  name: 'order',
  input: name,
  backoff,
  steps: [
    step('reserve', () => act('reserve'), () => act('release')),
    waitFor('paid', StringValueSchema, { key: ({ input }) => input.name, keyOf: ({ value }) => value, timeoutSeconds: 3600 }),
    step('ship', (_: Needs, { results }: StepFacts) => act(`ship ${results.paid}`)),
  ],
});
const hasty = defineSaga({ ...order, name: 'hasty', steps: [order.steps[0]!, waitFor('paid', StringValueSchema, { key: ({ input }) => input.name, keyOf: ({ value }) => value, timeoutSeconds: 0.1 })] });
const late = defineSaga({ ...trip, name: 'late', deadlineSeconds: 0.3, backoff: { first: 10, most: 10 } });
const sagas = [trip, nap, order, hasty, late];
const module = defineModule({ name: 'mod-t', requires: {}, config: z.object({}), sagas: sagas as never, emits: [StringValueSchema] }) as Module;

before(async () => {
  server = await testDatabase();
  const place = { adminUrl: server.adminUrl, database: server.name };
  writeFileSync(join(files, '0001-notes.sql'), `create table mod_t_notes (id serial primary key, org_id uuid, text text not null); select mainstay.protect_tenant_table('mod_t_notes');`);
  await provision({ ...place, modules: ['mod-t'], secret });
  await migrate({ ...place, module: 'mod-t', migrations: pathToFileURL(files) });
  db = createDatabase({ ...place, module: 'mod-t', secret, declared: { sagas, emits: [StringValueSchema] }, queued: () => running[0]?.queued() });
  running = await Promise.all([1, 2].map(() => startJobs({ ...place, modules: [{ module, context: { db }, database: db }], log: createLog({ level: 'silent' }) })));
});

after(async () => {
  await Promise.all(running.map((jobs) => jobs.stop()));
  await db.close();
  await server.drop();
  rmSync(files, { recursive: true });
});

afterEach(async () => {
  troubles = {};
  await server.sql('delete from mod_t.mod_t_notes');
});

const call = (): Call => ({ principal: { kind: 'module', module: 'mod-t', orgId: org }, traceId: '7'.repeat(32) });
const write = <R>(work: Parameters<typeof db.write<R>>[0]): Promise<R> => runInCall(call(), () => db.write(work));
const begin = <I>(saga: { name: string }, input: I, options = {}): Promise<string> => write((tx) => tx.start(saga as never, input, options));
const notes = async () => (await server.sql<{ text: string }>('select text from mod_t.mod_t_notes order by id')).map(({ text }) => text);
const report = async (id: string) => (await readSaga(running[0]!.pool, id))!;
const stands = (id: string, ...states: string[]) =>
  until(async () => [await report(id)].find((found) => states.includes(found?.state)), `the saga is ${states.join(' or ')}`);
const over = (id: string) => stands(id, 'COMPLETED', 'COMPENSATED', 'STUCK');

test('the steps of a saga run one after the other, and each sees what those before it gave', async () => {
  const { state, steps } = await over(await begin(trip, { name: 'Rome' }));
  assert.equal(state, 'COMPLETED');
  assert.deepEqual(steps.map((done) => done.state), ['DONE', 'DONE', 'DONE', 'DONE']);
  assert.deepEqual(await notes(), ['flight', 'hotel to Rome', 'insurance', 'car']);
});

test('a saga of a command that fails never was', async () => {
  await assert.rejects(write(async (tx) => {
    await tx.start(trip as never, { name: 'Nowhere' });
    throw new Error('changed my mind');
  }), /changed my mind/);
  assert.deepEqual(await server.sql("select id from mod_t.mod_t_sagas where input ->> 'name' = 'Nowhere'"), []);
});

test('a step that fails leaves nothing, and is tried again', async () => {
  troubles = { 'hotel to Rome': [new Error('full'), new Error('still full')] };
  const { state, steps } = await over(await begin(trip, { name: 'Rome' }));
  assert.equal(state, 'COMPLETED');
  assert.equal(steps[1]!.attempts, 2);
  assert.deepEqual(await notes(), ['flight', 'hotel to Rome', 'insurance', 'car']);
});

test('after the last try of a step the done ones are undone in reverse, with what they gave', async () => {
  troubles = { car: [new Error('none'), new Error('none left for eve@umbrella.test')] };
  const { state, steps, error } = await over(await begin(trip, { name: 'Rome' }));
  assert.equal(state, 'COMPENSATED');
  assert.match(error, /^none left for /);
  assert.doesNotMatch(error, /umbrella/);
  assert.deepEqual(steps.map((done) => done.state), ['COMPENSATED', 'COMPENSATED', 'DONE', 'FAILED']);
  assert.deepEqual(await notes(), ['flight', 'hotel to Rome', 'insurance', 'no hotel', 'no flight to Rome']);
});

test('a step that gives up is not tried again', async () => {
  troubles = { 'hotel to Rome': [givingUp(new Error('closed for good'))] };
  const { state, steps } = await over(await begin(trip, { name: 'Rome' }));
  assert.deepEqual([state, steps[1]!.attempts], ['COMPENSATED', 1]);
  assert.deepEqual(await notes(), ['flight', 'no flight to Rome']);
});

test('a step that failed after it called another service is undone too, without a result', async () => {
  troubles = { car: ['reach'] };
  assert.equal((await over(await begin(trip, { name: 'Rome' }))).state, 'COMPENSATED');
  assert.deepEqual((await notes()).slice(3), ['no car undefined', 'no hotel', 'no flight to Rome']);
});

test('a step that takes longer than it may has failed', async () => {
  troubles = { 'hotel to Rome': ['slow'] };
  const { state, steps } = await over(await begin(trip, { name: 'Rome' }));
  assert.deepEqual([state, steps[1]!.attempts], ['COMPLETED', 1]);
});

test('an undoing is tried again, and one that fails for good is a dead letter that names saga and step; retried, it goes on', async () => {
  troubles = { car: [givingUp(new Error('none'))], 'no hotel': [new Error('asleep'), givingUp(new Error('gone'))] };
  const id = await begin(trip, { name: 'Rome' });
  const { steps } = await stands(id, 'STUCK');
  assert.deepEqual(steps.map((done) => done.state), ['DONE', 'DONE', 'DONE', 'FAILED']);
  await until(async () => (await running[0]!.deadLetters.list()).length > 0);
  const [letter] = await running[0]!.deadLetters.list();
  assert.deepEqual([letter!.module, letter!.job, letter!.sagaId, letter!.step, letter!.error], ['mod-t', 'saga:trip', id, 'hotel', 'gone']);
  await running[0]!.deadLetters.retry(letter!.id);
  await stands(id, 'COMPENSATED');
  assert.deepEqual((await notes()).slice(3), ['no hotel', 'no flight to Rome']);
});

test('a saga that is stuck is retried by its id, though its dead letter was discarded', async () => {
  troubles = { car: [givingUp(new Error('none'))], 'no hotel': [givingUp(new Error('gone'))] };
  const id = await begin(trip, { name: 'Rome' });
  await stands(id, 'STUCK');
  await until(async () => (await running[0]!.deadLetters.list()).length > 0);
  await running[0]!.deadLetters.discard((await running[0]!.deadLetters.list())[0]!.id);
  assert.equal(await retrySaga(running[0]!.pool, id), true);
  await stands(id, 'COMPENSATED');
  assert.equal(await retrySaga(running[0]!.pool, id), false);
});

test('a saga sleeps until its time', async () => {
  const end = Date.now() + 1200;
  const id = await begin(nap, { until: new Date(end).toISOString() });
  await stands(id, 'WAITING');
  assert.deepEqual(await notes(), []);
  await over(id);
  const [ended] = await server.sql<{ on_time: boolean }>('select ended_at >= to_timestamp($2) as on_time from mod_t.mod_t_sagas where id = $1', [id, end / 1000]);
  assert.deepEqual(ended, { on_time: true });
});

test('a saga waits for its event, and takes no other', async () => {
  const id = await begin(order, { name: 'A7' });
  await stands(id, 'WAITING');
  await write((tx) => tx.emit(StringValueSchema, { value: 'B8' }, { aggregate: 'x' }));
  await write((tx) => tx.emit(StringValueSchema, { value: 'A7' }, { aggregate: 'x' }));
  await over(id);
  assert.deepEqual(await notes(), ['reserve', 'ship A7']);
});

test('an event that came before the saga waited for it counts', async () => {
  await write((tx) => tx.emit(StringValueSchema, { value: 'early' }, { aggregate: 'y' }));
  await until(async () => (await server.sql("select from mod_t.mod_t_saga_events where data = '\"early\"' and name = 'order'")).length > 0);
  await over(await begin(order, { name: 'early' }));
  assert.deepEqual(await notes(), ['reserve', 'ship early']);
});

test('an event that does not come in time undoes the saga', async () => {
  const { state, error } = await over(await begin(hasty, { name: 'never' }));
  assert.deepEqual([state, error], ['COMPENSATED', 'the event of step paid did not come within 0.1 seconds']);
  assert.deepEqual(await notes(), ['reserve', 'release']);
});

test('a saga past its deadline begins no further step', async () => {
  troubles = { car: [new Error('not yet')] };
  const { state, error } = await over(await begin(late, { name: 'Rome' }));
  assert.deepEqual([state, error], ['COMPENSATED', 'its deadline passed']);
  assert.deepEqual((await notes()).slice(3), ['no hotel', 'no flight to Rome']);
});

test('a saga that an operator cancels is undone, also while it waits', async () => {
  const id = await begin(order, { name: 'cancelled' });
  await stands(id, 'WAITING');
  assert.equal(await cancelSaga(running[0]!.pool, id), true);
  await over(id);
  assert.deepEqual(await notes(), ['reserve', 'release']);
  assert.equal(await cancelSaga(running[0]!.pool, id), false);
  assert.equal(await cancelSaga(running[0]!.pool, randomUUID()), false);
});

test('two starts with one key are one saga', async () => {
  const [first, second] = await Promise.all([begin(trip, { name: 'Rome' }, { key: 'k' }), begin(trip, { name: 'Oslo' }, { key: 'k' })]);
  assert.equal(first, second);
  await over(first);
  assert.equal(await begin(trip, { name: 'Rome' }, { key: 'k' }), first);
  await sleep(200);
  assert.equal((await notes()).length, 4);
});

test('a job of a turn that is over has no effect', async () => {
  const id = await begin(trip, { name: 'Rome' });
  await over(id);
  for (let turn = 0; turn < 4; turn++) await server.sql(`select graphile_worker.add_job('mod-t/saga:trip', json_build_object('payload', json_build_object('saga', $1::text, 'turn', $2::int, 'step', ''), 'orgId', $3::text, 'traceId', ''))`, [id, turn, org]);
  await until(async () => (await server.sql("select from graphile_worker._private_jobs where payload #>> '{payload,saga}' = $1", [id])).length === 0);
  assert.equal((await notes()).length, 4);
});

test('what does not fit the input of a saga, and a saga that is not declared, can not be started', async () => {
  await assert.rejects(begin(trip, { name: 7 }), /the saga trip can not be started with this: name: /);
  await assert.rejects(begin({ ...trip, name: 'other' }, { name: 'Rome' }), /mod-t starts other without declaring it: add it to sagas in module.ts/);
});
