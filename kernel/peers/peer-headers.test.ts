import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { reasonOf } from '../errors/define-errors.ts';
import type { Guard } from '../guard/guard.ts';
import type { Principal } from '../guard/principal.ts';
import { arrive, depart, kernelCall } from './peer-headers.ts';

const somebody: Principal = { kind: 'anonymous' };

/** Says what it is told to say, and recognises that. */
const guardThat = (says: string): Guard => ({
  authenticate: () => somebody,
  decide: () => ({ allowed: true }),
  introduce: () => says,
  recognise: (said) => {
    assert.equal(said.length, says.length);
    assert.ok(said === says);
    return { process: 'one', principal: somebody };
  },
});

function cross(says: string): Record<string, string> {
  const header: Record<string, string> = {};
  const guard = guardThat(says);
  depart(kernelCall(), header, { guard, from: 'one', to: 'other' });
  assert.equal(arrive(new Headers(header), guard, 'other').principal, somebody);
  return header;
}

test('what is said of a caller arrives as it was said, in headers that Node takes', () => {
  const edges = [1, 2, 3].flatMap((parts) => [-1, 0, 1].map((beside) => parts * 28 * 1024 + beside));
  fc.assert(fc.property(fc.oneof(fc.constantFrom(...edges), fc.integer({ min: 1, max: 112 * 1024 - 1 })), (length) => {
    const values = Object.values(cross('a'.repeat(length - 1) + 'z'));
    assert.ok(values.every((value) => value.length <= 28 * 1024));
  }), { numRuns: 60 });
});

test('whoever has too many roles for that is told so', () => {
  assert.throws(() => cross('a'.repeat(112 * 1024)), (error) => reasonOf(error) === 'kernel.TOO_MANY_ROLES');
});
