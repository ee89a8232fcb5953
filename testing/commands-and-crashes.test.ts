import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { testDatabase } from '@mainstay/kernel/testing';

const program = new URL('./ledger/ledger-process.ts', import.meta.url);

test('a repeat gets the first answer, though the process was killed as soon as the first took effect', async () => {
  const database = await testDatabase();
  const secret = randomBytes(32).toString('hex');
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-files-'));
  const start = async () => {
    const child = fork(program, [database.adminUrl, database.name, secret, folder]);
    const [address] = (await once(child, 'message')) as [string];
    return { child, address };
  };
  const write = (address: string, key: string) =>
    fetch(`${address}/v1/ledger/lines`, { method: 'POST', headers: { 'content-type': 'application/json', 'idempotency-key': key }, body: JSON.stringify({ text: key }) });
  const lines = (text: string) => database.sql<{ id: string }>('select id from mod_ledger.mod_ledger_lines where text = $1', [text]);
  try {
    for (const kill of ['at once', 'when it took effect']) {
      const key = crypto.randomUUID();
      const killed = await start();
      const answer = write(killed.address, key).catch(() => undefined);
      while (kill === 'when it took effect' && (await lines(key)).length === 0) await sleep(1);
      killed.child.kill('SIGKILL');
      await once(killed.child, 'exit');
      const first = await answer;
      const before = await lines(key);
      if (kill === 'when it took effect') assert.equal(before.length, 1);
      const next = await start();
      const again = await write(next.address, key);
      assert.equal(again.status, 200);
      const { id } = (await again.json()) as { id: string };
      assert.deepEqual(await lines(key), [{ id }]);
      assert.equal(again.headers.get('idempotency-replayed'), before.length === 1 ? 'true' : null);
      if (before.length === 1) assert.deepEqual(before, [{ id }]);
      if (first?.ok) assert.equal(((await first.json()) as { id: string }).id, id);
      next.child.kill('SIGKILL');
      await once(next.child, 'exit');
    }
  } finally {
    await database.drop();
    rmSync(folder, { recursive: true });
  }
});
