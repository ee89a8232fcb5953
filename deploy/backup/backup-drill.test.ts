import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { hash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectionConfig, withClient } from '@mainstay/kernel/administration';
import { openStorage } from '@mainstay/kernel/files';
import { findRunning } from '@mainstay/kernel/postgres';
import { until } from '@mainstay/kernel/testing';
import { drillDeployment, freePort, script } from '../testing/drill-deployment.ts';
import { callsAsAda, makeLoad, runBeside } from '../testing/use-deployment.ts';

/** Files of the restored deployment whose content is not there, or another. */
async function filesWithoutContent(home: string): Promise<string[]> {
  const rows = await ask(home, 'copy', `select json_build_object('key', 'sys-core/' || org_id || '/' || sha256, 'sha256', sha256) from sys_core.sys_core_files where state = 'READY'`) as { key: string; sha256: string }[];
  assert.ok(rows.length > 0);
  const storage = openStorage({}, join(home, 'copy/data-files'));
  const contents = await Promise.all(rows.map(async ({ key }) => hash('sha256', Buffer.concat(await (await storage.read(key)).toArray() as Buffer[]))));
  return rows.flatMap(({ key, sha256 }, index) => (contents[index] === sha256 ? [] : [key]));
}

const ask = (home: string, name: string, sql: string) =>
  withClient(connectionConfig(findRunning(join(home, name, 'postgres'))!.adminUrl(name)), async (client) => (await client.query({ text: sql, rowMode: 'array' })).rows.flat() as unknown[]);

test('a backup under load is restored elsewhere: whole commands, logins that work, reminders that fire once', async (t) => {
  const drill = await drillDeployment(t);
  Object.assign(drill.env, { MAINSTAY_BACKUP_PASSPHRASE: 'four words nobody guesses' });
  const file = join(drill.home, 'a.backup');
  assert.equal(drill.up().status, 0);
  const calls = await callsAsAda(drill.port);
  const time = new Date(Date.now() + 6000).toISOString();
  const { id } = await calls.post('/v1/promises', { title: 'remember', reminders: [{ time }] });
  const load = makeLoad(calls);
  await until(() => load.made.length > 50, 'promises are made');
  const before = load.made.length;
  const backup = await runBeside(drill, 'backup', file, '--encrypt', '--deployment', 'drill');
  await load.stop();
  assert.equal(backup.status, 0, backup.output);
  assert.ok(load.made.length > before, 'promises were made while it ran');

  const restored = drill.mainstay('restore', file, '--into', 'copy');
  assert.equal(restored.status, 0, restored.output);
  assert.match(restored.output, /mod_promist_promises +\d+ .* yes\n/);
  assert.doesNotMatch(restored.output, / no\n/);
  const port = await freePort();
  const up = drill.mainstay('up', '--detach', '--deployment', join(drill.home, 'copy/deployment.yaml'), '--port', String(port));
  assert.equal(up.status, 0, up.output);
  assert.equal(readFileSync(join(drill.home, 'copy/secrets.env'), 'utf8').replaceAll('"', ''), readFileSync(join(drill.home, 'drill/secrets.env'), 'utf8'));

  const kept = new Set(await ask(drill.home, 'copy', 'select id from mod_promist.mod_promist_promises'));
  assert.deepEqual(load.made.slice(0, before).filter((made) => !kept.has(made)), [], 'what was acknowledged before the backup began is in it');
  const half = `select p.id from mod_promist.mod_promist_promises p where title = 'made while it was backed up' and not (
      (select count(*) from mod_promist.mod_promist_changes c where c.promise_id = p.id and c.field = 'created') = 1
      and (select count(*) from mod_promist.mod_promist_outbox o where o.subject = p.id::text and o.type like '%PromiseMade') = 1)`;
  assert.deepEqual(await ask(drill.home, 'copy', half), []);
  assert.deepEqual(await filesWithoutContent(drill.home), []);
  await (await callsAsAda(port)).post('/v1/promises', { title: 'made afterwards' });
  const told = `select count(*)::int from mod_promist.mod_promist_notifications where promise_id = '${id}'`;
  await until(async () => (await ask(drill.home, 'copy', told))[0] !== 0, 'the reminder fires');
  await sleep(1000);
  assert.deepEqual(await ask(drill.home, 'copy', told), [1]);
});

test('a restore that is killed anywhere, or refused, leaves what was there as it was', async (t) => {
  const drill = await drillDeployment(t);
  const file = join(drill.home, 'a.backup');
  assert.match(drill.mainstay('backup', file, '--deployment', drill.file).output, /drill has no data yet/);
  assert.equal(drill.up().status, 0);
  const restore = (...args: string[]) => drill.mainstay('restore', file, ...args);
  const refused = (what: RegExp, ...args: string[]) => {
    const { status, output } = restore(...args);
    assert.equal(status, 1, output);
    assert.match(output, what);
  };
  assert.equal(drill.mainstay('backup', file, '--deployment', 'drill').status, 0);
  assert.match(drill.mainstay('backup', file, '--deployment', 'drill').output, /is there already; choose another name, or replace it with --force/);
  refused(/drill is running; stop it with \.\/mainstay down/);
  drill.mainstay('down', '--deployment', 'drill');
  refused(/drill is not empty; restore into another with --into NAME/);
  assert.equal(drill.mainstay('backup', file, '--force', '--deployment', drill.file).status, 0, 'also while it is stopped');
  assert.deepEqual(drill.status().processes, [], 'and it is stopped afterwards');

  for (const milliseconds of [600, 1200, 2000]) {
    const child = spawn(script, ['restore', file, '--into', 'copy'], { env: drill.env, stdio: 'ignore', detached: true });
    const exited = once(child, 'exit');
    await sleep(milliseconds * (0.5 + Math.random()));
    try { process.kill(-child.pid!, 'SIGKILL'); } catch { /* It was faster. */ }
    await exited;
    if (existsSync(join(drill.home, 'copy'))) break;
    assert.deepEqual(readdirSync(drill.home).filter((name) => !name.startsWith('.')).sort(), ['a.backup', 'drill', 'drill.yaml']);
  }
  const whole = readFileSync(file);
  writeFileSync(file, whole.subarray(0, -1));
  refused(/damaged or was cut off/, '--into', 'other');
  assert.ok(!existsSync(join(drill.home, 'other')));
  writeFileSync(file, whole);
  if (!existsSync(join(drill.home, 'copy'))) assert.equal(restore('--into', 'copy').status, 0);

  const again = restore('--force', '--into', 'copy');
  assert.equal(again.status, 0, again.output);
  const [, aside] = /What was there before is in (\S+)/.exec(again.output)!;
  assert.ok(existsSync(join(aside!, 'postgres/data/PG_VERSION')));
  assert.deepEqual(readdirSync(drill.home).filter((name) => name.startsWith('.restoring')), []);
});
