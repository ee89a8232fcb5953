import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema } from '@mainstay/kernel/contract/google/rpc/error_details_pb.js';
import { reasonOf } from '../errors/define-errors.ts';
import { OwnedSlots } from './owned-slots.ts';

const orgIn = (slot: number) => `0199a0b0-0000-7000-8000-0000000000${slot.toString(16).padStart(2, '0')}`;

test('an org of a slot that is not owned is refused, with its slot', () => {
  const owned = new OwnedSlots(async () => new Set(), new Set([1, 255]));
  owned.requireOwn(orgIn(1));
  owned.requireOwn(orgIn(255).toUpperCase());
  assert.equal(owned.owns(orgIn(2)), false);
  assert.throws(() => owned.requireOwn(orgIn(2)), (error) => {
    assert.equal(reasonOf(error), 'kernel.WRONG_SHARD');
    const refused = ConnectError.from(error);
    assert.equal(refused.code, Code.Unavailable);
    return refused.findDetails(ErrorInfoSchema)[0]!.metadata.slot === '2';
  });
});

test('a look that begins after a change shows it, whatever looks were under way', async () => {
  const looks: PromiseWithResolvers<Set<number>>[] = [];
  const owned = new OwnedSlots(() => (looks.push(Promise.withResolvers()), looks.at(-1)!.promise), new Set([1]));
  const first = owned.refresh();
  const second = owned.refresh();
  looks[0]!.resolve(new Set([1]));
  await first;
  looks[1]!.resolve(new Set([2]));
  await second;
  assert.deepEqual([...owned.slots], [2]);
});

test('what was known stays while the database can not be read', async () => {
  let fails = true;
  const owned = new OwnedSlots(async () => { if (fails) throw new Error('away'); return new Set([4]); }, new Set([3]));
  await assert.rejects(owned.refresh(), /away/);
  assert.equal(owned.owns(orgIn(3)), true);
  fails = false;
  await owned.refresh();
  assert.equal(owned.owns(orgIn(4)), true);
});
