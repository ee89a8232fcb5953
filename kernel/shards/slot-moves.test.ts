import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { newId } from '../data/new-id.ts';
import { reasonOf } from '../errors/define-errors.ts';
import { runInCall } from '../guard/call.ts';
import { createLog } from '../telemetry/log.ts';
import { SlotMoves } from './slot-moves.ts';
import { callIn, module, orgIn, secret, testShards, type TestShards } from './testing/test-shards.ts';

const log = createLog({ level: 'silent' });

async function movesOf(t: TestContext, { main, shards }: TestShards, changed: string[] = []): Promise<SlotMoves> {
  const place = ({ adminUrl, name: database }: typeof main) => ({ adminUrl, database });
  const moves = new SlotMoves({ main: place(main), secret, processes: [{ process: module, shards: shards.map((shard) => place(shard.place)) }], log, changed: (process) => void changed.push(process) });
  t.after(() => moves.stop());
  await moves.start();
  return moves;
}

const note = ({ shards }: TestShards, shard: number, orgId: string) => runInCall(callIn(orgId), () => shards[shard]!.db.write((tx) => tx.insertInto('mod_notes_notes').values({ id: newId(), text: 'x' } as never).execute()));

test('a move is planned, runs by itself and tells how far it is', async (t) => {
  const all = await testShards(t, 3);
  const changed: string[] = [];
  const moves = await movesOf(t, all, changed);
  for (const slot of [3, 4, 100]) await note(all, slot === 100 ? 1 : 0, orgIn(slot));
  const plan = await moves.plan({ process: '', slots: [3, 4, 100, 200], toShard: 2 });
  assert.deepEqual(plan, { process: module, toShard: 2, slots: [3, 4, 100], orgs: 3, rows: 3 });
  const id = newId();
  assert.equal((await moves.move({ id, process: '', slots: [3, 4, 100, 200], toShard: 2 })).state, 'RUNNING');
  await moves.settled();
  const { state, moved, rowsCopied, longestHold, endTime, problem } = (await moves.get(id))!;
  assert.deepEqual({ state, moved, rowsCopied, problem }, { state: 'DONE', moved: [3, 4, 100], rowsCopied: 3, problem: '' });
  assert.ok(longestHold > 0 && endTime);
  assert.ok(changed.length >= 2 && changed.every((process) => process === module));
  const listed = await moves.list();
  assert.deepEqual(listed.map(({ shard, orgs, rows }) => [shard, orgs, rows]), [[0, 0, 0], [1, 0, 0], [2, 3, 3]]);
  assert.ok(listed.every(({ bytes }) => bytes > 1e6));
  assert.deepEqual(await all.main.sql('select slot, shard from mainstay.shard_map where slot in (3, 100) order by 1'), [{ slot: 3, shard: 2 }, { slot: 100, shard: 2 }]);
});

test('a process that starts goes on with the move of one that was stopped', async (t) => {
  const all = await testShards(t, 2);
  await note(all, 0, orgIn(3));
  const first = await movesOf(t, all);
  const id = newId();
  await first.move({ id, process: module, slots: [3], toShard: 1 });
  await first.stop();
  assert.equal((await all.main.sql('select state from mainstay.slot_moves'))[0]!.state, 'RUNNING');
  const second = await movesOf(t, all);
  await second.settled();
  assert.equal((await second.get(id))!.state, 'DONE');
  assert.deepEqual(await all.shards[1]!.place.sql('select slot from mainstay.slots where slot = 3'), [{ slot: 3 }]);
});

test('one move of a process runs at a time, to a shard that is there', async (t) => {
  const all = await testShards(t, 2);
  const moves = await movesOf(t, all);
  await moves.move({ id: newId(), process: module, slots: [3], toShard: 1 });
  await assert.rejects(moves.move({ id: newId(), process: module, slots: [4], toShard: 1 }), (error) => reasonOf(error) === 'kernel.SHARD_MOVE_UNDER_WAY');
  for (const wrong of [{ process: module, toShard: 2 }, { process: 'mod-none', toShard: 0 }]) await assert.rejects(moves.plan({ ...wrong, slots: [1] }), (error) => reasonOf(error) === 'kernel.SHARDS_UNKNOWN');
  await moves.settled();
});

test('a move that fails says why, and the next may begin', async (t) => {
  const all = await testShards(t, 2);
  const moves = await movesOf(t, all);
  await all.shards[1]!.place.sql('alter table mod_notes.mod_notes_notes add column more text');
  const id = newId();
  await moves.move({ id, process: module, slots: [3], toShard: 1 });
  await moves.settled();
  const { state, problem } = (await moves.get(id))!;
  assert.equal(state, 'FAILED');
  assert.match(problem, /mod_notes_notes differs between the two shards/);
  await moves.move({ id: newId(), process: module, slots: [], toShard: 1 });
});
