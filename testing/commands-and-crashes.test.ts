import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, test } from 'node:test';
import { testDatabase, type TestDatabase } from '@mainstay/kernel/testing';

const program = new URL('./ledger/ledger-process.ts', import.meta.url);

let database: TestDatabase;
let folder: string;
const secret = randomBytes(32).toString('hex');
const started: { kill(): Promise<void> }[] = [];

beforeEach(async () => {
  database = await testDatabase();
  folder = mkdtempSync(join(tmpdir(), 'mainstay-files-'));
});

afterEach(async () => {
  await Promise.all(started.splice(0).map(({ kill }) => kill()));
  await database.drop();
  rmSync(folder, { recursive: true });
});

async function start(): Promise<{ address: string; kill(): Promise<void> }> {
  const child = fork(program, [database.adminUrl, database.name, secret, folder]);
  const [address] = (await once(child, 'message')) as [string];
  const kill = async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  started.push({ kill });
  return { address, kill };
}

test('a repeat gets the first answer, though the process was killed as soon as the first took effect', async () => {
  const write = (address: string, key: string) =>
    fetch(`${address}/v1/ledger/lines`, { method: 'POST', headers: { 'content-type': 'application/json', 'idempotency-key': key }, body: JSON.stringify({ text: key }) });
  const lines = (text: string) => database.sql<{ id: string }>('select id from mod_ledger.mod_ledger_lines where text = $1', [text]);
  for (const kill of ['at once', 'when it took effect']) {
    const key = crypto.randomUUID();
    const killed = await start();
    const answer = write(killed.address, key).catch(() => undefined);
    while (kill === 'when it took effect' && (await lines(key)).length === 0) await sleep(1);
    await killed.kill();
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
  }
});

test('wherever the process is killed, a stream is written once and a file is uploaded once', async () => {
  const signIn = async (address: string) => {
    const answer = await fetch(`${address}/v1/sessions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ email: 'ada@acme.test', password: 'mainstay-demo' }) });
    return ((await answer.json()) as { accessToken: string }).accessToken;
  };
  const count = 200;
  const commands = {
    stream: {
      send: (key: string) => ({ path: '/v1/ledger/lines:many', type: 'application/json', body: JSON.stringify({ text: key, count }) }),
      // Of a stream each line is a message; of a file its id counts.
      answered: (text: string) => text.trim().split('\n').map((each) => (JSON.parse(each) as { result: { id: string } }).result.id),
      kept: async (key: string) => (await database.sql<{ id: string }>('select id from mod_ledger.mod_ledger_lines where text = $1 order by id', [key])).map(({ id }) => id),
      whole: count,
    },
    upload: {
      send: (key: string) => ({ path: `/v1/files?name=${key}`, type: 'text/plain', body: key.repeat(2000) }),
      answered: (text: string) => [(JSON.parse(text) as { id: string }).id],
      kept: async (key: string) => (await database.sql<{ id: string }>(`select id from sys_core.sys_core_files where name = $1 and state = 'READY'`, [key])).map(({ id }) => id),
      whole: 1,
    },
  };
  let running = await start();
  let token = await signIn(running.address);
  for (const { send, answered, kept, whole } of Object.values(commands)) {
    const ask = async (key: string) => {
      const { path, type, body } = send(key);
      const answer = await fetch(`${running.address}${path}`, { method: 'POST', headers: { 'content-type': type, 'idempotency-key': key, authorization: `Bearer ${token}` }, body });
      assert.equal(answer.status, 200, await (answer.ok ? '' : answer.text()));
      return { ids: answered(await answer.text()), replayed: answer.headers.get('idempotency-replayed') === 'true' };
    };
    const began = performance.now();
    await ask('warm');
    const usual = performance.now() - began;
    for (const moment of [0.2, 0.5, 0.8, 'effect', 'effect', 'answer'] as const) {
      const key = crypto.randomUUID();
      const first = ask(key).catch(() => undefined);
      if (moment === 'answer') await first;
      else if (moment === 'effect') while ((await kept(key)).length === 0) await sleep(1);
      else await sleep(usual * moment);
      await running.kill();
      const before = await kept(key);
      assert.ok([0, whole].includes(before.length), `${before.length} of ${whole} were written`);
      if (typeof moment === 'string') assert.equal(before.length, whole);
      running = await start();
      token = await signIn(running.address);
      const again = await ask(key);
      assert.equal(again.replayed, before.length > 0);
      assert.deepEqual(again.ids.toSorted(), await kept(key));
      if (before.length > 0) assert.deepEqual(again.ids.toSorted(), before);
      assert.deepEqual((await first)?.ids ?? again.ids, again.ids);
    }
  }
});
