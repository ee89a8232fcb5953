import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DeploymentInfo, Phase } from '@mainstay/kernel';
import { config } from '../config.ts';
import { hashPassword, isOutdated, requireEffort, verifyPassword } from './passwords.ts';

const effort = { passwordMemoryMib: 64 };

test('a hash fits its own password and no other', async () => {
  const hash = await hashPassword(effort, 'correct horse');
  assert.match(hash, /^\$argon2id\$v=19\$m=65536,t=2,p=1\$/);
  assert.equal(await verifyPassword(effort, hash, 'correct horse'), true);
  assert.equal(await verifyPassword(effort, hash, 'correct horsf'), false);
});

test('an unknown account takes as long as a known one and never fits', async () => {
  const hash = await hashPassword(effort, 'correct horse');
  const time = async (stored: string | null) => {
    const start = performance.now();
    assert.equal(await verifyPassword(effort, stored, 'wrong horse'), false);
    return performance.now() - start;
  };
  await time(null);
  const best = async (stored: string | null) => Math.min(await time(stored), await time(stored), await time(stored), await time(stored));
  const [known, unknown] = [await best(hash), await best(null)];
  assert.ok(unknown > known / 3 && unknown < known * 3, `known ${known} ms, unknown ${unknown} ms`);
});

test('many hashes at once all come out right', async () => {
  const hashes = await Promise.all(Array.from({ length: 8 }, (_, at) => hashPassword(effort, `password ${at}`)));
  const fits = await Promise.all(hashes.map((hash, at) => verifyPassword(effort, hash, `password ${at}`)));
  assert.deepEqual(new Set(fits), new Set([true]));
});

test('a hash that was made with another effort is outdated', async () => {
  const hash = await hashPassword({ passwordMemoryMib: 2 }, 'correct horse');
  assert.ok(await verifyPassword(effort, hash, 'correct horse'));
  assert.deepEqual([isOutdated(effort, hash), isOutdated({ passwordMemoryMib: 2 }, hash)], [true, false]);
});

test('hashes that are guessed fast are for development and tests alone', () => {
  const withPhase = (phase: Phase, passwordMemoryMib: number) => () => requireEffort({ config: config.parse({ passwordMemoryMib }), deployment: { phase } as DeploymentInfo });
  for (const phase of ['D', 'T'] as const) withPhase(phase, 1)();
  for (const phase of ['A', 'P'] as const) {
    withPhase(phase, 19)();
    assert.throws(withPhase(phase, 18), /passwordMemoryMib is 18: in phase [AP] it must be at least 19/);
  }
});
