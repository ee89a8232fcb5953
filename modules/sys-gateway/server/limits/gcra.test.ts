import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Gcra } from './gcra.ts';

const rate = fc.record({ requests: fc.integer({ min: 1, max: 50 }), seconds: fc.integer({ min: 1, max: 20 }) });
/** Pauses between requests, in milliseconds: many at once, and rests longer than the limit counts. */
const pauses = fc.array(fc.oneof(fc.constant(0), fc.nat(300), fc.nat(60_000)), { maxLength: 300 });

test('in no time at all more is let through than the limit says', () => {
  fc.assert(fc.property(rate, pauses, ({ requests, seconds }, pauses) => {
    const limit = new Gcra({ requests, seconds }, 0);
    const passed: number[] = [];
    let now = 0;
    for (const pause of pauses) {
      now += pause;
      if (limit.take('a', now).allowed) passed.push(now);
    }
    for (let first = 0; first < passed.length; first++) {
      for (let last = first; last < passed.length; last++) {
        const most = requests * (1 + (passed[last]! - passed[first]!) / (seconds * 1000));
        assert.ok(last - first + 1 <= most + 1e-3, `${last - first + 1} in ${passed[last]! - passed[first]!} ms`);
      }
    }
  }));
});

test('what is told about the rest is true: so many more pass at once, and after the wait one more', () => {
  fc.assert(fc.property(rate, pauses, (rate, pauses) => {
    const limit = new Gcra(rate, 0);
    let now = 0;
    for (const pause of pauses) limit.take('a', (now += pause));
    now += 500;
    const { allowed, remaining } = limit.take('a', now);
    for (let more = 0; more < remaining; more++) assert.ok(limit.take('a', now).allowed);
    const { allowed: over, waitMs, resetMs } = limit.take('a', now);
    assert.equal(over, false);
    assert.ok(!allowed || remaining < rate.requests);
    assert.equal(limit.take('a', now + waitMs - 1).allowed, false);
    assert.ok(limit.take('a', now + waitMs + 0.01).allowed);
    assert.ok(resetMs <= rate.seconds * 1000 + 1);
  }));
});

test('whoever keeps to the limit is never refused', () => {
  fc.assert(fc.property(rate, fc.nat(200), ({ requests, seconds }, count) => {
    const limit = new Gcra({ requests, seconds }, 0);
    for (let at = 0; at < count; at++) assert.ok(limit.take('a', (at * seconds * 1000) / requests).allowed);
  }));
});

test('callers do not use what is left to each other, and are forgotten when they rest', () => {
  const limit = new Gcra({ requests: 1, seconds: 1 }, 0);
  for (let caller = 0; caller < 1000; caller++) assert.ok(limit.take(String(caller), 0).allowed);
  assert.equal(limit.take('7', 1).allowed, false);
  assert.equal(limit.callers, 1000);
  for (const now of [1000, 2500, 4000]) limit.take('last', now);
  assert.equal(limit.callers, 1);
});

test('a share of less than one request is let through now and then', () => {
  const limit = new Gcra({ requests: 0.5, seconds: 10 }, 0);
  const passed = Array.from({ length: 600 }, (_, tenth) => limit.take('a', tenth * 100).allowed).filter(Boolean).length;
  assert.equal(passed, 3);
});
