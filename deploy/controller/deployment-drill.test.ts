import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { drillDeployment, freePort, script, signIn } from '@mainstay/deploy/testing';
import { until } from '@mainstay/kernel/testing';
import { identify } from './process-info.ts';

test('a deployment starts, says where it is, and stops without leaving a process', async (t) => {
  const drill = await drillDeployment(t);
  const first = drill.up();
  assert.equal(first.status, 0, first.output);
  assert.match(first.output, new RegExp(`http://localhost:${drill.port}`));
  assert.match(first.output, /ada@acme\.test/);
  assert.equal(await signIn(drill), 200);

  const second = drill.up();
  assert.equal(second.status, 0);
  assert.match(second.output, new RegExp(`drill is running at http://localhost:${drill.port}`));
  const elsewhere = drill.up('--port', String(await freePort()));
  assert.equal(elsewhere.status, 1, elsewhere.output);
  assert.match(elsewhere.output, /drill is running at .*; to have it on port \d+, stop it first with \.\/mainstay down/);
  const { deployments } = JSON.parse(drill.up('--json').output) as { deployments: { name: string; address: string }[] };
  assert.deepEqual(deployments.map(({ name, address }) => [name, address]), [['drill', `http://localhost:${drill.port}`]]);

  const { state, modules, processes, database } = drill.status();
  assert.equal(state, 'running');
  assert.deepEqual(modules!.map(({ name, state }) => `${name} ${state}`).sort(), ['mod-promist running', 'sys-accounts running', 'sys-core running', 'sys-email running']);
  assert.deepEqual(processes.map(({ what }) => what), ['controller', 'process', 'postgres']);
  assert.ok(database!.bytes > 1_000_000);
  assert.equal(statSync(join(drill.home, 'drill/secrets.env')).mode & 0o777, 0o600);

  assert.match(drill.mainstay('down').output, /drill is stopped/);
  assert.deepEqual(processes.filter(({ pid }) => identify(pid)), [], 'every process has ended');
  assert.equal(drill.status().state, 'stopped');
  assert.match(drill.mainstay('down', '--deployment', 'drill', '--json').output, /"name": "drill",\n +"stopped": false/);
});

test('Ctrl-C stops a deployment in the foreground, its database last', async (t) => {
  const drill = await drillDeployment(t);
  const up = spawn(script, ['up', '--deployment', drill.file], { env: drill.env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [up.stdout, up.stderr]) stream.on('data', (text) => { output += text; });
  await until(() => output.includes('Ctrl-C stops it'), 'it is ready');
  const exited = once(up, 'exit');
  up.kill('SIGINT');
  assert.deepEqual(await exited, [0, null]);
  assert.deepEqual(drill.status().processes, []);
  assert.match(readFileSync(join(drill.home, 'drill/postgres/postgres.log'), 'utf8'), /database system is shut down/);
});

test('Ctrl-C while it starts in the background stops what was started', async (t) => {
  const drill = await drillDeployment(t);
  const up = spawn(script, ['up', '--detach', '--deployment', drill.file], { env: drill.env, stdio: 'ignore' });
  const exited = once(up, 'exit');
  await until(() => drill.pid('process') !== undefined, 'its process runs');
  up.kill('SIGINT');
  assert.deepEqual(await exited, [1, null]);
  assert.deepEqual(drill.status().processes, []);
});

test('a deployment that runs is found by its file, even when that is gone', async (t) => {
  const drill = await drillDeployment(t);
  assert.equal(drill.up().status, 0);
  rmSync(drill.file);
  assert.match(drill.mainstay('status', '--deployment', drill.file).output, /drill is running/);
  assert.match(drill.mainstay('down', '--deployment', drill.file).output, /drill is stopped/);
});

test('a one-time password is shown once, and exchanged at the first sign-in', async (t) => {
  const drill = await drillDeployment(t);
  writeFileSync(drill.file, readFileSync(drill.file, 'utf8').replace('phase: T', 'phase: A').replace('  mod-promist:\n', ''));
  const refused = drill.up();
  assert.equal(refused.status, 1);
  assert.match(refused.output, /passwordMemoryMib is 1: in phase A it must be at least 19/);
  writeFileSync(drill.file, readFileSync(drill.file, 'utf8').replace('    passwordMemoryMib: 1\n', ''));
  const { output } = drill.up();
  const [, email, password] = /administrator (\S+), one-time password (\S+)/.exec(output) ?? [];
  assert.ok(email && password, output);
  assert.ok(!readFileSync(join(drill.home, 'drill/log'), 'utf8').includes(password));
  const me = ['call', 'GetAccount', '{"accountId": "me"}'];
  assert.match(drill.mainstay(...me).output, /sign in with \.\/mainstay login EMAIL/);
  const signedIn = drill.run(['login', email], `${password}\ncorrect horse battery\n`);
  assert.equal(signedIn.status, 0, signedIn.output);
  assert.match(drill.mainstay(...me).output, new RegExp(email));
  assert.match(drill.mainstay('call', 'ListPromises').output, /does not serve mod\.promist\.v1\.PromisesService/);
});

test('a wrong deployment file is told by line and key, and nothing starts', async (t) => {
  const drill = await drillDeployment(t);
  writeFileSync(drill.file, 'name: drill\nphase: X\nmodules:\n  sys-core:\n');
  const { status, output } = drill.up();
  assert.equal(status, 1);
  assert.match(output, /drill\.yaml:2: phase: .*"D"/);
  assert.deepEqual(drill.status().processes, []);
});

test('while developing, a change restarts the process, and a broken file is told and waited for', async (t) => {
  const drill = await drillDeployment(t);
  const dev = spawn(script, ['dev', '--deployment', drill.file], { env: drill.env, stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(dev, 'exit');
  let output = '';
  for (const stream of [dev.stdout, dev.stderr]) stream.on('data', (text) => { output += text; });
  await until(() => output.includes('Watching the sources'), 'it is ready');
  const right = readFileSync(drill.file, 'utf8');
  const first = drill.pid('process');

  writeFileSync(drill.file, right.replace('phase: T', 'phase: X'));
  await until(() => /drill\.yaml:2: phase: [^]*waiting for a change/.test(output), 'the mistake is told');
  writeFileSync(drill.file, right);
  await until(() => output.includes('started again in'), 'it started again');
  assert.notEqual(drill.pid('process'), first);
  assert.equal(await signIn(drill), 200);

  dev.kill('SIGINT');
  assert.deepEqual(await exited, [0, null]);
});
