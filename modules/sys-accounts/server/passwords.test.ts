import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reasonOf } from '@mainstay/kernel';
import { checkNewPassword, hashPassword, verifyPassword } from './passwords.ts';

test('a hash fits its own password and no other', async () => {
  const hash = await hashPassword('correct horse');
  assert.match(hash, /^\$argon2id\$v=19\$m=65536,t=2,p=1\$/);
  assert.equal(await verifyPassword(hash, 'correct horse'), true);
  assert.equal(await verifyPassword(hash, 'correct horsf'), false);
});

test('an unknown account takes as long as a known one and never fits', async () => {
  const hash = await hashPassword('correct horse');
  const time = async (stored: string | null) => {
    const start = performance.now();
    assert.equal(await verifyPassword(stored, 'wrong horse'), false);
    return performance.now() - start;
  };
  await time(null);
  const best = async (stored: string | null) => Math.min(await time(stored), await time(stored), await time(stored), await time(stored));
  const [known, unknown] = [await best(hash), await best(null)];
  assert.ok(unknown > known / 3 && unknown < known * 3, `known ${known} ms, unknown ${unknown} ms`);
});

test('many hashes at once all come out right', async () => {
  const hashes = await Promise.all(Array.from({ length: 8 }, (_, at) => hashPassword(`password ${at}`)));
  const fits = await Promise.all(hashes.map((hash, at) => verifyPassword(hash, `password ${at}`)));
  assert.deepEqual(new Set(fits), new Set([true]));
});

test('the e-mail address is not a password', () => {
  assert.throws(() => checkNewPassword('Ada@Example.org', 'ada@example.org', 'password'), (error) => reasonOf(error) === 'sys-accounts.PASSWORD_UNFIT');
});
