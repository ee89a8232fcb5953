import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectionConfig, withClient } from '@mainstay/kernel/administration';
import { startEmbeddedPostgres, stopEmbeddedPostgres } from '@mainstay/kernel/postgres';
import { until } from '@mainstay/kernel/testing';
import { contentOf, inSnapshot } from '../backup/copy-table.ts';
import { sumOf } from '../backup/content-digest.ts';
import { askIn, drillInPlacement } from '../testing/drill-in-placement.ts';
import { type Drill, script } from '../testing/drill-deployment.ts';
import { callsAsAda } from '../testing/use-deployment.ts';
import { carriedTables } from './carried-tables.ts';
import { jobsIn } from './carry-jobs.ts';

const modules = ['mod-promist', 'sys-accounts', 'sys-core', 'sys-email', 'sys-gateway'];

/** What all databases of a deployment that is stopped hold together, by table; what is no org's is the same in each shard. Jobs by what tells them apart. */
async function contentOfDrill({ home }: Drill): Promise<{ tables: Record<string, unknown>; jobs: string[]; databases: string[] }> {
  const directory = join(home, 'drill/postgres');
  const { adminUrl } = await startEmbeddedPostgres({ directory });
  try {
    const databases = await withClient(connectionConfig(adminUrl('postgres')), async (client) => (await client.query<{ datname: string }>("select datname from pg_database where starts_with(datname, 'drill') order by 1")).rows.map(({ datname }) => datname));
    const found = new Map<string, Parameters<typeof sumOf>[0][number][]>();
    const jobs: string[] = [];
    for (const database of databases) await withClient(connectionConfig(adminUrl(database)), (client) => inSnapshot(client, async () => {
      for (const { org, isTimed, ...table } of await carriedTables(client, modules)) {
        const content = await contentOf(client, isTimed ? { ...table, columns: table.columns.filter((column) => !['org', 'time', 'applied_at'].includes(column)) } : table);
        const name = `${table.schema}.${table.name}`;
        const others = found.get(name) ?? [];
        // The reminder may fire before the last move: then the shard that did it has a row in its inbox.
        found.set(name, org !== undefined ? [...others, content] : others[0] && others[0].rows > content.rows ? others : [content]);
      }
      for await (const some of jobsIn(client)) jobs.push(...some.filter(({ task }) => !task.startsWith('kernel/')).map(({ job }) => job));
    }));
    return { tables: Object.fromEntries([...found].map(([name, contents]) => [name, sumOf(contents)])), jobs: jobs.sort(), databases };
  } finally {
    await stopEmbeddedPostgres(directory);
  }
}

const keptIn = ({ home }: Drill) => JSON.parse(readFileSync(join(home, 'drill/placement.json'), 'utf8')) as { placement: string; placing?: { stage: string } };

/** Kills a placing so many milliseconds after it came to a stage. */
async function killAt(drill: Drill, stage: string, placement: string, after = 0): Promise<void> {
  const child = spawn(script, ['place', placement, '--deployment', drill.file], { env: drill.env, stdio: 'ignore', detached: true });
  const exited = once(child, 'exit');
  while (child.exitCode === null && keptIn(drill).placing?.stage !== stage) await sleep(2);
  await sleep(after);
  try { process.kill(-child.pid!, 'SIGKILL'); } catch { /* It was faster. */ }
  await exited;
}

test('a deployment is moved from one process to shards, to a database for each module and back, and nothing is lost, doubled or forgotten', async (t) => {
  const drill = await drillInPlacement(t);
  const place = (placement: string, ...args: string[]) => {
    const { status, output } = drill.mainstay('place', placement, '--deployment', drill.file, ...args);
    assert.equal(status, 0, output);
    return output;
  };
  const up = (...args: string[]) => {
    const { status, output } = drill.up(...args);
    assert.equal(status, 0, output);
  };
  const down = () => assert.equal(drill.mainstay('down', '--deployment', 'drill').status, 0);

  assert.match(drill.mainstay('place', 'sharded', '--deployment', drill.file).output, /drill has no data yet; start it with \.\/mainstay up --placement sharded/);
  up();
  assert.match(drill.mainstay('place', 'sharded', '--deployment', drill.file).output, /drill is running; stop it with \.\/mainstay down/);
  const ada = await callsAsAda(drill.port);
  const keyed = { body: JSON.stringify({ title: 'made once' }), headers: { 'content-type': 'application/json', 'idempotency-key': 'the-first-of-its-kind' } };
  const first = await ada.send('/v1/promises', keyed);
  const inTime = Date.now() + 30_000;
  const { id } = await ada.post('/v1/promises', { title: 'remember', reminders: [{ time: new Date(inTime).toISOString() }] });
  const content = randomBytes(30_000);
  const file = await ada.send('/v1/files?name=kept.bin', { body: content });
  for (let made = 0; made < 20; made++) await ada.post('/v1/promises', { title: `promise ${made}` });
  down();
  const before = await contentOfDrill(drill);
  assert.deepEqual(before.databases, ['drill']);
  assert.ok(before.jobs.some((job) => job.includes('mod-promist/')), 'the reminder waits');

  assert.match(place('sharded', '--dry-run'), /mod-promist: \d+ rows would move from drill to drill_mod_promist_0 to drill_mod_promist_3/);
  assert.deepEqual(await contentOfDrill(drill), before, 'a dry run changes nothing');
  await killAt(drill, 'copying', 'sharded', 150);
  assert.equal(keptIn(drill).placing?.stage, 'copying');
  assert.match(drill.up().output, /drill is on its way to the placement sharded; go on with \.\/mainstay place sharded .*, or take it back with \.\/mainstay place one-process/);
  place('one-process');
  assert.deepEqual(await contentOfDrill(drill), before, 'what was cut off is taken back');
  await killAt(drill, 'copying', 'sharded', 1500 * Math.random());
  await killAt(drill, 'removing', 'sharded');
  place('sharded');
  const inShards = await contentOfDrill(drill);
  assert.deepEqual(inShards, { ...before, databases: ['drill', ...[0, 1, 2, 3].map((shard) => `drill_mod_promist_${shard}`)] });

  up();
  assert.equal(drill.status().placement, 'sharded');
  await until(() => ada.send(`/v1/promises/${id}`, { method: 'GET' }).then(() => true, () => false), 'it serves all');
  assert.equal((await ada.send('/v1/promises', keyed)).id, first.id, 'the key still gives the first answer');
  assert.ok((await ada.fetchFile(file.id!)).equals(content));
  const { id: later } = await ada.post('/v1/promises', { title: 'made in a shard' });
  const verified = drill.mainstay('audit', 'verify', '--deployment', 'drill', '--as', 'root@mainstay.test');
  assert.match(verified.output, /^\d+ entries checked, and all hold/);
  down();

  const again = await contentOfDrill(drill);
  place('per-module');
  const perModule = await contentOfDrill(drill);
  assert.deepEqual(perModule, { ...again, databases: ['drill', 'drill_mod_promist', 'drill_sys_accounts', 'drill_sys_email', 'drill_sys_gateway'] });
  place('one-process');
  assert.deepEqual(await contentOfDrill(drill), { ...again, databases: ['drill'] });

  up();
  assert.equal((await ada.send(`/v1/promises/${later}`, { method: 'GET' })).title, 'made in a shard');
  assert.equal((await ada.send('/v1/promises', keyed)).id, first.id);
  const told = () => askIn(drill.home, 'drill', 'drill', `select id from mod_promist.mod_promist_notifications where promise_id = '${id}'`);
  await sleep(Math.max(0, inTime - Date.now()));
  await until(async () => (await told()).length > 0, 'the reminder fires');
  await sleep(1000);
  assert.equal((await told()).length, 1);
});
