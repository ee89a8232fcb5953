import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { newId } from '../data/new-id.ts';
import { reasonOf } from '../errors/define-errors.ts';
import { runInCall } from '../guard/call.ts';
import { moveSlots, type MoveStep } from './move-slots.ts';
import { formatSlots } from './slots.ts';
import { callIn, orgIn, testShards, type TestShard } from './testing/test-shards.ts';

const placeOf = ({ place: { adminUrl, name: database } }: TestShard) => ({ adminUrl, database });

async function move(from: TestShard, to: TestShard, slots: number[], more: Partial<Parameters<typeof moveSlots>[0]> = {}): Promise<MoveStep[]> {
  const steps: MoveStep[] = [];
  await moveSlots({ id: newId(), source: placeOf(from), target: placeOf(to), toShard: to.index, slots, removeAfterMilliseconds: 0, progress: (step) => void steps.push(step), ...more });
  return steps;
}

const note = (shard: TestShard, orgId: string, text = 'hello', tag?: string) => runInCall(callIn(orgId), async () => {
  const id = newId();
  await shard.db.write(async (tx) => {
    await tx.insertInto('mod_notes_notes').values({ id, text } as never).execute();
    if (tag) await tx.insertInto('mod_notes_tags').values({ note: id, 'the tag': tag } as never).execute();
  });
  return id;
});

const notes = (shard: TestShard, orgId: string) => runInCall(callIn(orgId), () => shard.db.read((q) => q.selectFrom('mod_notes_notes').selectAll().orderBy('id').execute()));

test('the rows of the orgs of a slot move, as they are, and no others', async (t) => {
  const { shards: [first, second] } = await testShards(t, 2);
  const ids: string[] = [];
  for (const text of ['plain', 'with "quotes", \\ backslash, (parens), tab\t, line\n', '', 'ümläut 🎉']) ids.push(await note(first!, orgIn(7), text, `tag ${text}`));
  await first!.place.sql('update mod_notes.mod_notes_notes set parent = $1 where id = $2', [ids[1], ids[0]]);
  await note(first!, orgIn(8), 'stays');
  const before = await notes(first!, orgIn(7));
  const steps = await move(first!, second!, [7]);
  assert.deepEqual(await notes(second!, orgIn(7)), before);
  assert.equal((await notes(first!, orgIn(8))).length, 1);
  await assert.rejects(notes(first!, orgIn(7)), (error) => reasonOf(error) === 'kernel.WRONG_SHARD');
  assert.deepEqual(await first!.place.sql('select text from mod_notes.mod_notes_notes'), [{ text: 'stays' }]);
  assert.equal((await second!.place.sql('select from mod_notes.mod_notes_tags')).length, 4);
  assert.deepEqual(steps.map(({ step }) => step).filter((step) => step !== 'copied'), ['moved', 'removed']);
  await Promise.all([first, second].map((shard) => shard!.owned.refresh()));
  assert.deepEqual([first, second].map((shard) => formatSlots(shard!.owned.slots)), ['0-6,8-127', '7,128-255']);
  for (const shard of [first, second]) assert.deepEqual(await shard!.place.sql("select from pg_trigger where starts_with(tgname, 'mainstay_moving')"), []);
});

test('slots that move there and back leave nothing behind', async (t) => {
  const { shards: [first, second] } = await testShards(t, 2);
  for (const slot of [1, 2, 3]) await note(first!, orgIn(slot), `in ${slot}`, 'x');
  const all = () => first!.place.sql('select * from mod_notes.mod_notes_notes order by id');
  const before = await all();
  for (let i = 0; i < 3; i++) {
    await move(first!, second!, [1, 2]);
    await move(second!, first!, [1, 2]);
  }
  assert.deepEqual(await all(), before);
  assert.deepEqual(await second!.place.sql('select from mod_notes.mod_notes_notes'), []);
});

test('jobs, deliveries and what keeps them once move with their orgs, whether they run or not', async (t) => {
  const { shards: [first, second] } = await testShards(t, 2);
  const job = (org: string | undefined, key: string, more = '{}') => first!.place.sql(`
    select graphile_worker.add_job('mod-notes/remind', $1::json, queue_name => 'mod-notes:3', run_at => '2030-01-01', max_attempts => 7, job_key => $2)`, [JSON.stringify({ id: newId(), payload: JSON.parse(more) as unknown, ...(org && { orgId: org }) }), key]);
  await job(orgIn(7), 'waits');
  await job(orgIn(7), 'runs', '{"b":1,"a":[2]}');
  await job(orgIn(8), 'stays');
  await job(undefined, 'nobody');
  await first!.place.sql(`select graphile_worker.add_job('mod-other/on:x', $1::json, queue_name => 'mod-other:1')`, [JSON.stringify({ id: newId(), orgid: orgIn(7), subject: 's' })]);
  await first!.place.sql(`update graphile_worker._private_jobs set locked_at = now(), locked_by = 'w', attempts = 3 where key = 'runs'`);
  await first!.place.sql(`update graphile_worker._private_job_queues set locked_at = now(), locked_by = 'w' where queue_name = 'mod-notes:3'`);
  const [event, ran] = [newId(), newId()];
  await runInCall(callIn(orgIn(7)), () => first!.db.write(async (tx) => {
    await (tx as any).insertInto('mod_notes_inbox').values({ event_id: ran, handler: 'job:remind' }).execute();
    await (tx as any).insertInto('mod_notes_outbox').values({ id: event, type: 't', subject: 's', org: orgIn(7), data: '{}', trace_id: '0' }).execute();
  }));
  await move(first!, second!, [7]);
  const jobs = (shard: TestShard) => shard.place.sql(`
    select t.identifier as task, q.queue_name as queue, j.key, j.attempts, j.max_attempts, j.run_at = '2030-01-01' as later, j.locked_at, j.payload -> 'payload' as payload
      from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id left join graphile_worker._private_job_queues q on q.id = j.job_queue_id order by j.key`);
  const remind = { task: 'mod-notes/remind', queue: 'mod-notes:3', attempts: 0, max_attempts: 7, later: true, locked_at: null, payload: {} };
  assert.deepEqual(await jobs(second!), [
    { ...remind, key: 'runs', attempts: 2, payload: { b: 1, a: [2] } }, { ...remind, key: 'waits' },
    { ...remind, task: 'mod-other/on:x', queue: 'mod-other:1', key: null, max_attempts: 25, later: false, payload: null },
  ]);
  assert.deepEqual((await jobs(first!)).map(({ key }) => key), ['nobody', 'stays']);
  assert.deepEqual(await first!.place.sql(`select locked_by from graphile_worker._private_job_queues where queue_name = 'mod-notes:3'`), [{ locked_by: null }]);
  assert.deepEqual(await second!.place.sql('select event_id, org from mod_notes.mod_notes_inbox'), [{ event_id: ran, org: orgIn(7) }]);
  assert.deepEqual(await second!.place.sql('select id from mod_notes.mod_notes_outbox'), [{ id: event }]);
  assert.deepEqual(await first!.place.sql('select id from mod_notes.mod_notes_outbox'), []);
});

test('the first answer to an idempotency key moves; records that the audit lacks stay for it', async (t) => {
  const { shards: [first, second] } = await testShards(t, 2);
  const record = (shard: TestShard, key: Buffer | null, collected: boolean) => shard.place.sql(`
    insert into mod_notes.mod_notes_commands (id, method, outcome, org, principal_kind, trace_id, subjects, idempotency, request_hash, answer, collected)
      values ($1, 'm', 'OK', $2, 'account', '0', '{}', $3, $3, $3, $4)`, [newId(), orgIn(7), key, collected]);
  const [old, fresh] = [randomBytes(32), randomBytes(32)];
  await record(first!, old, true);
  await record(first!, fresh, false);
  await record(first!, null, false);
  const kept = (shard: TestShard) => shard.place.sql<{ idempotency: Buffer | null; answer: Buffer; collected: boolean }>('select idempotency, answer, collected from mod_notes.mod_notes_commands order by id');
  await move(first!, second!, [7]);
  assert.deepEqual(await kept(second!), [{ idempotency: old, answer: old, collected: true }, { idempotency: fresh, answer: fresh, collected: true }]);
  assert.deepEqual((await kept(first!)).map(({ collected }) => collected), [false, false]);
  await move(second!, first!, [7]);
  assert.deepEqual((await kept(first!)).filter(({ idempotency }) => idempotency).map(({ answer }) => answer.toString('hex')).sort(), [old, fresh].map((key) => key.toString('hex')).sort());
});

test('what can not be moved is undone and said', async (t) => {
  const { shards: [first, second] } = await testShards(t, 2);
  const id = await note(first!, orgIn(7), 'mine', 'x');
  await second!.place.sql(`insert into mod_notes.mod_notes_notes (id, org_id, text) values ($1, $2, 'in the way')`, [id, orgIn(200)]);
  await assert.rejects(move(first!, second!, [6, 7]), /duplicate key/);
  assert.equal((await notes(first!, orgIn(7)))[0]!.text, 'mine');
  await note(first!, orgIn(6), 'goes on');
  assert.deepEqual(await second!.place.sql('select text from mod_notes.mod_notes_notes'), [{ text: 'in the way' }]);
  assert.deepEqual(await first!.place.sql("select from pg_trigger where starts_with(tgname, 'mainstay_moving')"), []);
});
