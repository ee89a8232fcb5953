import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonOf } from '@mainstay/kernel';
import { until } from '@mainstay/kernel/testing';
import { PromisesService } from '@mainstay/mod-promist/contract';
import { ShardsService, SlotMoveState, type SlotMove } from '@mainstay/sys-core/contract';
import { startDeployment, type TestDeployment } from './start-deployment.ts';

const root = 'root@mainstay.test';
const isReason = (reason: string) => (error: unknown) => reasonOf(error) === reason;

test('orgs are listed and moved between shards while they are used', async (t) => {
  const deployment = await startDeployment({ placement: 'sharded' });
  t.after(() => deployment.stop());
  const admin = await deployment.client(ShardsService, root);
  const { shards } = await admin.listShards({});
  assert.deepEqual(shards.map(({ process, shard, slotCount }) => [process, shard, slotCount]), [0, 1, 2, 3].map((shard) => ['mod-promist', shard, 64]));
  const promises = await deployment.client(PromisesService, 'ada@acme.test');
  const promise = await promises.createPromise({ promise: { title: 'moves' } });
  const [source] = (await admin.listShards({})).shards.filter(({ rows }) => rows > 0n);
  const to = (source!.shard + 1) % 4;
  const refused = await deployment.fetch('/v1/shards:move', { as: root, body: { slots: source!.slots, shard: to }, headers: { 'if-match': '"wrong"' } });
  assert.equal(((await refused.json()) as { reason: string }).reason, 'kernel.IF_MATCH_NOT_COMPARED');
  assert.equal((await admin.listShards({})).shards[to]!.slotCount, 64);
  const plan = (await admin.moveSlots({ slots: '0-255', shard: to, validateOnly: true })).move!;
  assert.deepEqual([plan.slotMoveId, plan.slotCount], ['', 192]);
  let writes = 0;
  let over = false;
  const writing = (async () => { for (; !over; writes++) await promises.createPromise({ promise: { title: `meanwhile ${writes}` } }); })();
  const moved = await moveSlots(deployment, source!.slots, to);
  over = true;
  await writing;
  t.diagnostic(`writes were held for at most ${moved.longestHoldMilliseconds.toFixed(0)} ms; ${writes} were made meanwhile`);
  assert.deepEqual([moved.state, moved.movedCount], [SlotMoveState.SLOT_MOVE_DONE, 64]);
  assert.equal((await promises.getPromise({ promiseId: promise.id })).title, 'moves');
  const { totalSize } = await promises.listPromises({ filter: 'title:meanwhile', countTotal: true });
  assert.equal(totalSize, writes);
  const after = (await admin.listShards({})).shards;
  assert.deepEqual([after[source!.shard]!.slotCount, after[to]!.slotCount], [0, 128]);
  await assert.rejects(admin.moveSlots({ slots: '300', shard: 1 }), isReason('sys-core.SLOTS_INVALID'));
  await assert.rejects(admin.moveSlots({ slots: '3', shard: 4 }), isReason('kernel.SHARDS_UNKNOWN'));
  await assert.rejects(admin.getSlotMove({ slotMoveId: crypto.randomUUID() }), isReason('sys-core.SLOT_MOVE_NOT_FOUND'));
});

/** Moves slots, and gives how it ended. */
async function moveSlots(deployment: TestDeployment, slots: string, shard: number): Promise<SlotMove> {
  const admin = await deployment.client(ShardsService, root);
  const { move } = await admin.moveSlots({ slots, shard });
  const ended = () => admin.getSlotMove({ slotMoveId: move!.slotMoveId }).then((now) => now.state !== SlotMoveState.SLOT_MOVE_RUNNING && now);
  return until(ended, 'the move ends');
}
