import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isAddress, newcomerOf } from './newcomer.ts';

const email = 'grace@acme.test';

test('whatever a provider calls a person, an account has a name and a language that can be shown', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.string({ maxLength: 20 }), (displayName, language) => {
    const person = newcomerOf({ email, displayName, language });
    assert.ok(person.displayName.trim() !== '' && [...person.displayName].length <= 100 && !/[\p{Cc}\p{Cs}]/u.test(person.displayName));
    assert.ok(person.language === undefined || Intl.getCanonicalLocales(person.language).length === 1);
  }));
  assert.deepEqual(newcomerOf({ email, displayName: ' Grace\nHopper ', language: 'tr-TR' }), { email, displayName: 'Grace Hopper', language: 'tr' });
  assert.deepEqual(newcomerOf({ email }), { email, displayName: 'grace' });
});

test('what is no address is none', () => {
  for (const text of ['', 'grace', 'grace@', '@acme.test', 'a b@acme.test', 'a@b@acme.test', 'grace@acme.test\n', `${'x'.repeat(250)}@acme.test`]) assert.ok(!isAddress(text), text);
  assert.ok(isAddress(email));
});
