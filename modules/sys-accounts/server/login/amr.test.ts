import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assurance } from '../../contract/index.ts';
import { acrOf, mergeAmr } from './amr.ts';

const possession = fc.constantFrom(['otp'], ['otp', 'recovery'], ['otp', 'email'], ['swk', 'user'], ['hwk', 'user']);

test('a password alone is one factor, also twice; so is a thing alone, but a passkey that verified its user', () => {
  assert.equal(acrOf(mergeAmr([], ['pwd'])), assurance.oneFactor);
  assert.equal(acrOf(mergeAmr(['pwd'], ['pwd'])), assurance.oneFactor);
  assert.equal(acrOf(mergeAmr(['fed'], ['pwd'])), assurance.oneFactor);
  fc.assert(fc.property(possession, possession, (one, other) => assert.equal(acrOf(mergeAmr(one, other)), assurance.oneFactor)));
  assert.equal(acrOf(mergeAmr([], ['swk', 'user', 'mfa'])), assurance.twoFactors);
});

test('a password, or a login elsewhere, and a thing are two factors, in either order, and nothing is said twice', () => {
  fc.assert(fc.property(possession, fc.constantFrom('pwd', 'fed'), (thing, first) => {
    for (const amr of [mergeAmr([first], thing), mergeAmr(thing, [first])]) {
      assert.equal(acrOf(amr), assurance.twoFactors);
      assert.equal(new Set(amr).size, amr.length);
    }
  }));
});

test('what is proved besides takes nothing away', () => {
  fc.assert(fc.property(fc.array(possession, { maxLength: 4 }), fc.boolean(), (things, withPassword) => {
    let amr = mergeAmr([], withPassword ? ['pwd'] : []);
    for (const thing of things) {
      const next = mergeAmr(amr, thing);
      assert.ok(amr.every((method) => next.includes(method)));
      amr = next;
    }
  }));
});
