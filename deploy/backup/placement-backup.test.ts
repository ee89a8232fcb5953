import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@mainstay/kernel/testing';
import { askIn, drillInPlacement } from '../testing/drill-in-placement.ts';
import { freePort } from '../testing/drill-deployment.ts';
import { callsAsAda, makeLoad, runBeside } from '../testing/use-deployment.ts';

const databases = [0, 1, 2, 3].map((shard) => `_mod_promist_${shard}`);

test('a deployment in shards is backed up under load and restored with all its databases', async (t) => {
  const drill = await drillInPlacement(t);
  Object.assign(drill.env, { MAINSTAY_BACKUP_PASSPHRASE: 'four words nobody guesses' });
  const file = join(drill.home, 'a.backup');
  const started = drill.up('--placement', 'sharded');
  assert.equal(started.status, 0, started.output);
  const calls = await callsAsAda(drill.port);
  const time = new Date(Date.now() + 9000).toISOString();
  const { id } = await calls.post('/v1/promises', { title: 'remember', reminders: [{ time }] });
  const load = makeLoad(calls);
  await until(() => load.made.length > 50, 'promises are made');
  const before = load.made.length;
  const backup = await runBeside(drill, 'backup', file, '--encrypt', '--deployment', 'drill');
  await load.stop();
  assert.equal(backup.status, 0, backup.output);
  assert.equal(drill.mainstay('down', '--deployment', 'drill').status, 0);

  const restored = drill.mainstay('restore', file, '--into', 'copy');
  assert.equal(restored.status, 0, restored.output);
  assert.match(restored.output, new RegExp(`${databases[3]!.slice(1)}/mod_promist\\.mod_promist_promises +\\d+ .* yes\\n`));
  assert.doesNotMatch(restored.output, / no\n/);
  const port = await freePort();
  const up = drill.mainstay('up', '--detach', '--deployment', join(drill.home, 'copy/deployment.yaml'), '--port', String(port));
  assert.equal(up.status, 0, up.output);
  assert.equal((JSON.parse(readFileSync(join(drill.home, 'copy/placement.json'), 'utf8')) as { placement: string }).placement, 'sharded');

  const everywhere = async (sql: string) => (await Promise.all(databases.map((database) => askIn(drill.home, 'copy', `copy${database}`, sql)))).flat();
  const kept = new Set(await everywhere('select id from mod_promist.mod_promist_promises'));
  assert.deepEqual(load.made.slice(0, before).filter((made) => !kept.has(made)), [], 'what was acknowledged before the backup began is in it');
  const half = `select p.id from mod_promist.mod_promist_promises p where title = 'made while it was backed up' and not (
    (select count(*) from mod_promist.mod_promist_changes c where c.promise_id = p.id and c.field = 'created') = 1
    and (select count(*) from mod_promist.mod_promist_outbox o where o.subject = p.id::text and o.type like '%PromiseMade') = 1)`;
  assert.deepEqual(await everywhere(half), []);
  await (await callsAsAda(port)).post('/v1/promises', { title: 'made afterwards' });
  const told = `select id from mod_promist.mod_promist_notifications where promise_id = '${id}'`;
  await until(async () => (await everywhere(told)).length > 0, 'the reminder fires');
  await sleep(1000);
  assert.equal((await everywhere(told)).length, 1);
});

test('a placement of its own comes with the backup', async (t) => {
  const drill = await drillInPlacement(t);
  const [own, file] = [join(drill.home, 'own.yaml'), join(drill.home, 'a.backup')];
  writeFileSync(own, 'processes:\n  one: {modules: ["sys-*"]}\n  two: {modules: ["mod-*"]}\n');
  assert.equal(drill.up('--placement', own).status, 0);
  assert.equal(drill.mainstay('backup', file, '--deployment', 'drill').status, 0);
  assert.equal(drill.mainstay('restore', file, '--into', 'copy').status, 0);
  const { placement } = JSON.parse(readFileSync(join(drill.home, 'copy/placement.json'), 'utf8')) as { placement: string };
  assert.equal(readFileSync(placement, 'utf8'), readFileSync(own, 'utf8'));
});
