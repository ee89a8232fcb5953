import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { firstShardOf, formatSlots, parseSlots, SLOTS, slotOf } from './slots.ts';

const anySlots = fc.uniqueArray(fc.integer({ min: 0, max: SLOTS - 1 }));

test('the slot of an org is the last byte of its id', () => {
  fc.assert(fc.property(fc.uuid(), (id) => {
    assert.equal(slotOf(id), Buffer.from(id.replaceAll('-', ''), 'hex')[15]);
    assert.equal(slotOf(id.toUpperCase()), slotOf(id));
  }));
});

test('what is no id of an org has no slot', () => {
  for (const wrong of ['', 'ff', '0199a0b0-0000-7000-8000-00000000000', '0199a0b0-0000-7000-8000-0000000000zz']) assert.throws(() => slotOf(wrong), /UUID/);
});

test('slots that were written are read again', () => {
  fc.assert(fc.property(anySlots.filter(({ length }) => length > 0), (slots) => {
    assert.deepEqual([...parseSlots(formatSlots(slots))].sort((a, b) => a - b), slots.toSorted((a, b) => a - b));
  }));
});

test('slots are written in as few ranges as can be', () => {
  assert.equal(formatSlots([70, 3, 1, 2, 0]), '0-3,70');
  assert.equal(formatSlots([]), '');
  assert.deepEqual([...parseSlots(' 0 - 2, 70,1')], [0, 1, 2, 70]);
});

test('what is no slots is refused with how they are written', () => {
  for (const wrong of ['', ',', '256', '3-1', '0-256', '-1', '1-', 'a', '1;2', '1.5', '0x10']) assert.throws(() => parseSlots(wrong), /such as 0-63,70/, wrong);
});

test('every shard is first given one range of about equal size', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: SLOTS }), (count) => {
    const shards = Array.from({ length: SLOTS }, (_, slot) => firstShardOf(slot, count));
    const sizes = Array.from({ length: count }, (_, shard) => shards.filter((each) => each === shard).length);
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1 && Math.min(...sizes) > 0);
    assert.deepEqual(shards, shards.toSorted((a, b) => a - b));
  }));
});
