import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Module } from '@mainstay/kernel';
import { readDeployment } from '@mainstay/kernel/deployment';
import { startProcess } from '@mainstay/kernel/process';
import { createLog, testDatabase } from '@mainstay/kernel/testing';
import { modules } from '@mainstay/main/modules';

const password = 'mainstay-demo';

/** The modules of this build, of which one has migrations that were added since. */
function laterModules(folder: string): Module[] {
  const promist = modules.find(({ name }) => name === 'mod-promist')!;
  const migrations = join(folder, 'migrations');
  cpSync(fileURLToPath(promist.database!.migrations), migrations, { recursive: true });
  writeFileSync(join(migrations, '9001-mood.sql'), `alter table mod_promist_promises add mood text not null default 'calm'; select pg_sleep(0.2);`);
  writeFileSync(join(migrations, '9002-mood-index.sql'), '-- outside a transaction\ncreate index concurrently if not exists mod_promist_promises_mood on mod_promist_promises (org_id, mood);');
  return modules.map((module) => (module === promist ? { ...promist, database: { ...promist.database!, migrations: pathToFileURL(`${migrations}/`) } } : module));
}

/** Signs ada in to a process and gives a way to call it. */
async function callsAt(address: string) {
  const call = async (path: string, body?: object, authorization = '') => {
    const response = await fetch(address + path, { method: body ? 'POST' : 'GET', headers: { 'content-type': 'application/json', ...(authorization && { authorization }) }, ...(body && { body: JSON.stringify(body) }) });
    const answer = (await response.json()) as { id: string; title: string; accessToken: string };
    assert.equal(response.status, 200, JSON.stringify(answer));
    return answer;
  };
  const { accessToken } = await call('/v1/sessions', { email: 'ada@acme.test', password });
  return (path: string, body?: object) => call(path, body, `Bearer ${accessToken}`);
}

test('processes of two releases serve side by side, and while the later one migrates no call fails', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-upgrade-'));
  const { adminUrl: databaseUrl, name: databaseName, drop } = await testDatabase();
  const running: { stop(): Promise<void> }[] = [];
  t.after(async () => {
    for (const one of running) await one.stop();
    rmSync(folder, { recursive: true });
    await drop();
  });
  const file = join(folder, 'deployment.yaml');
  writeFileSync(file, `name: upgrade\nphase: T\nhttp:\n  port: 0\noperators:\n  port: 0\nmodules:\n${modules.map(({ name }) => `  ${name}:\n`).join('')}`);
  const start = async (available: readonly Module[]) => {
    const one = await startProcess({ deployment: readDeployment(file, available), databaseUrl, databaseName, secret: 'a'.repeat(64), dataFolder: join(folder, 'data'), log: createLog({ level: 'fatal' }), announce: () => {} });
    running.push(one);
    return callsAt(one.address);
  };
  const earlier = await start(modules);
  let migrated = false;
  const made: string[] = [];
  const writers = Array.from({ length: 4 }, async () => {
    while (!migrated) {
      const { id } = await earlier('/v1/promises', { title: 'made by the earlier release' });
      assert.equal((await earlier(`/v1/promises/${id}`)).title, 'made by the earlier release');
      await earlier('/v1/promises?pageSize=3');
      made.push(id);
    }
  });
  const [later] = await Promise.all([start(laterModules(folder)).finally(() => { migrated = true; }), ...writers]);
  assert.ok(made.length > 0);
  const fromEarlier = await earlier('/v1/promises', { title: 'earlier' });
  const fromLater = await later('/v1/promises', { title: 'later' });
  assert.equal((await later(`/v1/promises/${fromEarlier.id}`)).title, 'earlier');
  assert.equal((await earlier(`/v1/promises/${fromLater.id}`)).title, 'later');
});
