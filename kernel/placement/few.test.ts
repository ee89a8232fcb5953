import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Few } from './few.ts';

test('holds what a set holds, whatever is added, removed and taken', () => {
  const step = fc.tuple(fc.constantFrom('add', 'delete', 'take'), fc.integer({ min: 1, max: 4 }));
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const few = new Few<number>();
      const set = new Set<number>();
      for (const [what, item] of steps) {
        if (what === 'take') {
          assert.deepEqual(few.take().toSorted(), [...set].toSorted());
          set.clear();
        } else if (what === 'delete' || !set.has(item)) {
          few[what as 'add' | 'delete'](item);
          set[what as 'add' | 'delete'](item);
        }
      }
      assert.deepEqual(few.take().toSorted(), [...set].toSorted());
    }),
  );
});
