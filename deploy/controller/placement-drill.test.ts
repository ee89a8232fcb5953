import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Drill, drillDeployment, freePort, script, servesAgain, signIn } from '@mainstay/deploy/testing';
import { until } from '@mainstay/kernel/testing';
import { callsAsAda, runBeside } from '../testing/use-deployment.ts';
import { identify } from './process-info.ts';

/** A deployment with a gateway, which several processes need. */
async function drillInProcesses(owner: Parameters<typeof drillDeployment>[0]) {
  const drill = await drillDeployment(owner);
  writeFileSync(drill.file, readFileSync(drill.file, 'utf8').replace('  mod-promist:', '  sys-gateway:\n  mod-promist:'));
  return drill;
}

const instances = (drill: Drill) => drill.status().processes.flatMap(({ pid, instance }) => (instance ? [{ pid, ...instance }] : []));
const pidOf = (drill: Drill, wanted: string) => instances(drill).find(({ name, state }) => name === wanted && state === 'running')?.pid;

/** Promises are made all the time until it is stopped; gives how many were made, and what failed. */
function makePromises({ post }: Awaited<ReturnType<typeof callsAsAda>>) {
  let [stopped, made] = [false, 0];
  const failed: string[] = [];
  const workers = Array.from({ length: 3 }, async () => {
    while (!stopped) await post('/v1/promises', { title: 'made while processes change places' }).then(() => made++, (error: Error) => failed.push(`${error.message} ${String(error.cause ?? '')}`));
  });
  return { count: () => made, async stop() { stopped = true; await Promise.all(workers); return failed; } };
}

test('the platform and the products run in two processes, are kept running, and stop as one', async (t) => {
  const drill = await drillInProcesses(t);
  const first = drill.up('--placement', 'sys-and-mod');
  assert.equal(first.status, 0, first.output);
  assert.match(first.output, /drill is running \(phase T\): sys-core, sys-accounts, sys-email, sys-gateway, mod-promist/);
  assert.deepEqual(instances(drill).map(({ name, modules, state, restarts }) => [name, modules, state, restarts]), [
    ['sys-main', ['sys-core', 'sys-accounts', 'sys-email', 'sys-gateway'], 'running', 0],
    ['mod-main', ['mod-promist'], 'running', 0],
  ]);
  const { post } = await callsAsAda(drill.port);
  const { id } = await post('/v1/promises', { title: 'kept in a database of its own' });
  assert.ok(id);
  await until(() => instances(drill).some(({ name, costMicroseconds }) => name === 'mod-main' && costMicroseconds! > 0), 'the cost of a call is measured');

  const killed = pidOf(drill, 'mod-main')!;
  process.kill(killed, 'SIGKILL');
  await until(() => ![undefined, killed].includes(pidOf(drill, 'mod-main')), 'another process runs in its place');
  await until(() => post('/v1/promises', { title: 'after it was killed' }).then(() => true, () => false), 'promises are made again');
  assert.equal(instances(drill).find(({ name }) => name === 'mod-main')!.restarts, 1);
  assert.match(drill.mainstay('logs', '--deployment', 'drill', '--process', 'mod-main').output, /^mod-main .* warn .*killed by SIGKILL/m);
  assert.doesNotMatch(drill.mainstay('logs', '--deployment', 'drill', '--process', 'sys-main').output, /^mod-main/m);

  const pids = drill.status().processes.map(({ pid }) => pid);
  assert.match(drill.mainstay('down', '--deployment', 'drill').output, /drill is stopped/);
  assert.deepEqual(pids.filter((pid) => identify(pid)), []);
  const elsewhere = drill.up('--placement', 'one-process');
  assert.equal(elsewhere.status, 1);
  assert.match(elsewhere.output, /the rows of mod-promist are in drill_mod_main, and the placement one-process looks for them in drill/);

  assert.equal(drill.up().status, 0);
  assert.equal(drill.status().placement, 'sys-and-mod');
  // The first call learns that the connections of before are closed.
  await servesAgain(drill);
  const again = await callsAsAda(drill.port);
  assert.equal((await again.send(`/v1/promises/${id}`, { method: 'GET' })).title, 'kept in a database of its own');
});

test('all processes are started anew one after the other, and no request fails', async (t) => {
  const drill = await drillInProcesses(t);
  assert.equal(drill.up('--placement', 'sys-and-mod').status, 0);
  const before = instances(drill).map(({ pid }) => pid);
  const load = makePromises(await callsAsAda(drill.port));
  await until(() => load.count() > 20, 'promises are made');
  const { status, output } = await runBeside(drill, 'restart', '--deployment', 'drill');
  assert.equal(status, 0, output);
  assert.match(output, /sys-main is started anew\nmod-main is started anew/);
  const made = load.count();
  await until(() => load.count() > made + 20, 'promises are made by the new ones');
  assert.deepEqual(await load.stop(), []);
  assert.deepEqual(before.filter((pid) => identify(pid)), []);
  assert.deepEqual(instances(drill).map(({ name, state, restarts }) => [name, state, restarts]), [['sys-main', 'running', 0], ['mod-main', 'running', 0]]);

  writeFileSync(drill.file, readFileSync(drill.file, 'utf8').replace('phase: T', 'phase: X'));
  const broken = await runBeside(drill, 'restart', 'mod-main', '--deployment', 'drill');
  assert.equal(broken.status, 1);
  assert.match(broken.output, /mod-main could not be started anew, so it runs on as it was: .*drill\.yaml:2: phase/);
  assert.equal(await signIn(drill), 200);
  assert.match(drill.mainstay('restart', 'mod-man', '--deployment', 'drill').output, /there is no process "mod-man"; there are sys-main, mod-main/);
});

test('after kill -9 of the controller and a process, nothing is left that down does not stop', async (t) => {
  const drill = await drillInProcesses(t);
  assert.equal(drill.up('--placement', 'sys-and-mod').status, 0);
  const pids = drill.status().processes.map(({ pid }) => pid);
  process.kill(pidOf(drill, 'sys-main')!, 'SIGSTOP');
  drill.kill('controller');
  await until(() => pidOf(drill, 'mod-main') === undefined, 'the other process has ended by itself');
  assert.equal(drill.status().state, 'abandoned');
  assert.match(drill.mainstay('down', '--deployment', 'drill').output, /drill is stopped/);
  assert.deepEqual(pids.filter((pid) => identify(pid)), []);
});

test('a process is started alone with what the environment says, and told what is missing there', async (t) => {
  const drill = await drillInProcesses(t);
  const missing = drill.mainstay('run', 'mod-main', '--placement', 'sys-and-mod', '--deployment', drill.file);
  assert.equal(missing.status, 1);
  assert.match(missing.output, /the environment variable MAINSTAY_PEER_SYS_MAIN is missing; set it to where sys-main is called by the other processes, such as http:\/\/127\.0\.0\.1:4500/);

  assert.equal(drill.up('--placement', 'sys-and-mod').status, 0);
  const run = JSON.parse(readFileSync(join(drill.home, 'drill/run.json'), 'utf8')) as { instances: { name: string; peer: string }[] };
  const peers = Object.fromEntries(run.instances.map(({ name, peer }) => [`MAINSTAY_PEER_${name.replace('-', '_').toUpperCase()}`, peer]));
  const [, secret] = /MAINSTAY_SECRET=(\w+)/.exec(readFileSync(join(drill.home, 'drill/secrets.env'), 'utf8'))!;
  const own = `http://127.0.0.1:${await freePort()}`;
  const socket = encodeURIComponent(join(drill.home, 'drill/postgres/socket'));
  const env = { ...drill.env, ...peers, MAINSTAY_PEER_MOD_MAIN: own, MAINSTAY_SECRET: secret, MAINSTAY_DATA_FOLDER: join(drill.home, 'drill/data-files'), DATABASE_URL: `postgresql://mainstay@${socket}/drill` };
  const alone = spawn(script, ['run', 'mod-main', '--placement', 'sys-and-mod', '--deployment', drill.file], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [alone.stdout, alone.stderr]) stream.on('data', (text) => { output += text; });
  const exited = once(alone, 'exit');
  await until(() => /"process":"mod-main".*"msg":"ready"/.test(output), 'it serves');
  assert.ok(output.includes(`"address":"${own}"`), output);
  alone.kill('SIGTERM');
  assert.deepEqual(await exited, [0, null]);
});
