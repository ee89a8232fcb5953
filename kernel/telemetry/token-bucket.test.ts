import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TokenBucket } from './token-bucket.ts';

test('those of a second pass at once, and more only as time goes', () => {
  let now = 0;
  const bucket = new TokenBucket(3, () => now);
  const passed = () => Array.from({ length: 10 }, () => bucket.take()).filter(Boolean).length;
  assert.equal(passed(), 3);
  now = 400;
  assert.equal(passed(), 1);
  now = 60_000;
  assert.equal(passed(), 3);
});

test('however the calls come, never more pass than those of the time and of one second', () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: 50 }), fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 300 }), (perSecond, pauses) => {
    let now = 0;
    const bucket = new TokenBucket(perSecond, () => now);
    let passed = 0;
    for (const pause of pauses) {
      now += pause;
      if (bucket.take()) passed++;
      assert.ok(passed <= perSecond + (now / 1000) * perSecond + 1e-6);
    }
  }));
});
