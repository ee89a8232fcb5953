import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startDeployment } from './start-deployment.ts';

test('a process that serves has kept its compiled code, so that one that is killed starts as fast as one that was stopped', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-compiled-'));
  const before = { ...process.env };
  Object.assign(process.env, { MAINSTAY_TEST_PROCESSES: 'forked', NODE_COMPILE_CACHE: folder });
  t.after(() => {
    process.env = before;
    rmSync(folder, { recursive: true, force: true });
  });
  const deployment = await startDeployment({ placement: 'sys-and-mod' });
  try {
    assert.ok(readdirSync(folder, { recursive: true }).length > 10);
  } finally {
    await deployment.stop();
  }
});
