import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonOf, violationsOf } from '@mainstay/kernel';
import fc from 'fast-check';
import { checkNewPassword, type NewPassword } from './check-new-password.ts';

const person = { email: 'ada.lovelace@example.org', displayName: 'Ada Lovelace', orgNames: ['Analytical Engines'], field: 'password' };
const check = (password: string, about: Partial<NewPassword> = {}) => checkNewPassword({ passwordScore: 3 }, { ...person, ...about, password });

/** Why a password is refused; nothing if it is taken. */
const refusalOf = (password: string, about?: Partial<NewPassword>) =>
  check(password, about).then(() => undefined, (error: unknown) => {
    assert.equal(reasonOf(error), 'sys-accounts.PASSWORD_UNFIT', String(error));
    assert.ok(!String(error).includes(password), 'an error must not tell the password');
    const [violation, ...more] = violationsOf(error);
    assert.deepEqual([violation!.field, more], ['password', []]);
    return violation!.reason;
  });

test('pass phrases and what a generator makes are taken, whatever their characters', async () => {
  for (const password of ['correct horse battery', 'mainstay-demo', 'vier Tassen lauwarmer Tee', 'kahve fincanı mavi bulut', 'میری نیلی چھتری کھو گئی', 'tqzvhwkxpm', '8302756194730']) assert.equal(await refusalOf(password), undefined, password);
});

test('passwords that leaked are refused, however they are disguised', async () => {
  for (const password of ['password123', 'Password1234', 'P@ssw0rd123', 'qwertyuiop', 'iloveyou2024', '1234567890', 'drowssap321']) assert.equal(await refusalOf(password), 'password.common', password);
});

test('repetitions, sequences and rows of keys are refused', async () => {
  assert.equal(await refusalOf('zzzzzzzzzzzzzzzz'), 'password.repeated');
  assert.equal(await refusalOf('abcabcabcabc'), 'password.repeated');
  for (const password of ['abcdefghijkl', '9876543210', 'zxcvbnm,./', '19840302198']) assert.ok(await refusalOf(password), password);
});

test('what is known of the person makes no password', async () => {
  for (const password of ['ada.lovelace@example.org', 'ADA.LOVELACE@EXAMPLE.ORG', 'adalovelace', 'Lovelace2024', 'ecalevoLecalevoL', 'Ada Lovelace', 'analytical engines']) assert.ok(await refusalOf(password), password);
  assert.equal(await refusalOf('analytical engines', { orgNames: [] }), undefined);
});

test('many are looked at together, and each gets its own answer', async () => {
  const passwords = Array.from({ length: 60 }, (_, at) => (at % 2 ? 'correct horse battery' : 'password123'));
  assert.deepEqual(await Promise.all(passwords.map((password) => refusalOf(password))), passwords.map((_, at) => (at % 2 ? undefined : 'password.common')));
});

test('random characters are taken, and a longer password is looked at as quickly as a short one', async () => {
  await fc.assert(fc.asyncProperty(fc.string({ unit: fc.constantFrom(...'abcdefghijkmnpqrstuvwxyz23456789'), minLength: 16, maxLength: 200 }).filter((text) => new Set(text).size > 10), async (password) => assert.equal(await refusalOf(password), undefined)), { numRuns: 40 });
  assert.equal(await refusalOf('P@ssw0rd!!'.repeat(20)), 'password.repeated');
});
