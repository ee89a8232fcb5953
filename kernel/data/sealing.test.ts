import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { derivedKey, seal, unseal } from './sealing.ts';

const key = derivedKey('ab'.repeat(32), 'a test');

test('what is sealed is opened with the same key and about the same alone, whatever it is', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.string(), (plain, about) => {
    const sealed = seal(key, about, plain);
    assert.deepEqual(unseal(key, about, sealed), Buffer.from(plain));
    assert.equal(unseal(key, `${about}.`, sealed), undefined);
    assert.equal(unseal(derivedKey('ab'.repeat(32), 'another'), about, sealed), undefined);
    assert.equal(unseal(derivedKey('cd'.repeat(32), 'a test'), about, sealed), undefined);
  }));
});

test('what was changed or cut anywhere is not opened', () => {
  const sealed = seal(key, 'one', randomBytes(40));
  for (const at of sealed.keys()) {
    const changed = Buffer.from(sealed);
    changed[at]! ^= 1;
    assert.equal(unseal(key, 'one', changed), undefined);
    assert.equal(unseal(key, 'one', sealed.subarray(0, at)), undefined);
  }
});
