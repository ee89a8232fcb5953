import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ClockEstimate } from './clock-estimate.ts';

/** Answers that took as long as they say on the way there and back, the pauses between them, and how fast the clock goes wrong. */
const answers = fc.record({
  truth: fc.double({ min: 1e12, max: 2e12, noNaN: true }),
  drift: fc.double({ min: -0.0004, max: 0.0004, noNaN: true }),
  ways: fc.array(fc.record({ there: fc.double({ min: 0, max: 300, noNaN: true }), back: fc.double({ min: 0, max: 300, noNaN: true }), pause: fc.double({ min: 0, max: 5000, noNaN: true }) }), { minLength: 1, maxLength: 40 }),
});

test('the estimate is never further off than half of what any answer took, and what the clocks went apart since', () => {
  fc.assert(fc.property(answers, ({ truth, drift, ways }) => {
    const estimate = new ClockEstimate();
    const offsetAt = (moment: number) => truth + drift * moment;
    let [now, best] = [0, { took: Infinity, at: 0 }];
    for (const { there, back, pause } of ways) {
      const asked = now;
      const read = asked + there;
      now = read + back;
      estimate.add(Math.floor(read + offsetAt(read)), asked, now);
      if (there + back <= best.took) best = { took: there + back, at: now };
      assert.ok(Math.abs(estimate.offset - offsetAt(now)) <= best.took / 2 + 1 + (now - best.at + best.took) * 0.001 + 0.01, `${estimate.offset - offsetAt(now)} after ${best.took}`);
      now += pause;
    }
  }));
});

test('an answer that took long leaves the estimate as good as it was, and a clock that is set is followed', () => {
  const estimate = new ClockEstimate();
  estimate.add(1_000_000, 0, 0);
  estimate.add(1_000_210, 10, 250);
  assert.ok(Math.abs(estimate.offset - 1_000_000) < 1);
  estimate.add(9_000_300, 300, 300);
  assert.equal(estimate.offset, 9_000_000.5);
});
