import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { demoPassword } from './demo-logins.ts';
import type { DeploymentStatus } from './deployment-status.ts';
import { identify } from './process-info.ts';

const script = join(import.meta.dirname, '../../mainstay');

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A deployment of all modules, in a state folder of its own. */
async function deployment(t: TestContext) {
  const home = mkdtempSync(join(tmpdir(), 'mainstay-drill-'));
  const port = await freePort();
  const file = join(home, 'drill.yaml');
  writeFileSync(file, `name: drill\nphase: T\nhttp:\n  port: ${port}\nmodules:\n  sys-core:\n  sys-accounts:\n  mod-promist:\n`);
  const { DATABASE_URL: _, ...environment } = process.env;
  const env = { ...environment, MAINSTAY_HOME: home };
  const mainstay = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(script, args, { env, encoding: 'utf8' });
    return { status, output: stdout + stderr };
  };
  const up = (...args: string[]) => mainstay('up', '--detach', '--deployment', file, ...args);
  const status = () => (JSON.parse(mainstay('status', '--json', '--deployment', 'drill').output) as { deployments: [DeploymentStatus] }).deployments[0];
  const pid = (what: string) => status().processes.find((process) => process.what === what)?.pid;
  const kill = (...whats: string[]) => whats.map((what) => pid(what)!).forEach((pid) => process.kill(pid, 'SIGKILL'));
  t.after(() => {
    mainstay('down', '--deployment', 'drill');
    rmSync(home, { recursive: true, force: true });
  });
  return { home, file, port, env, mainstay, up, status, pid, kill };
}

type Drill = Awaited<ReturnType<typeof deployment>>;

/** Signing in needs the port, the guard, the module and its rows. */
async function signIn({ port }: Drill): Promise<number> {
  const body = JSON.stringify({ email: 'ada@acme.test', password: demoPassword });
  return (await fetch(`http://localhost:${port}/v1/sessions`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).status;
}

async function until(what: string, condition: () => boolean | Promise<boolean>) {
  for (const end = Date.now() + 20_000; !(await condition()); await sleep(100)) assert.ok(Date.now() < end, `not within 20 s: ${what}`);
}

const servesAgain = (drill: Drill) => until('it serves', () => signIn(drill).then((code) => code === 200, () => false));

test('a deployment starts, says where it is, and stops without leaving a process', async (t) => {
  const drill = await deployment(t);
  const first = drill.up();
  assert.equal(first.status, 0, first.output);
  assert.match(first.output, new RegExp(`http://localhost:${drill.port}`));
  assert.match(first.output, /ada@acme\.test/);
  assert.equal(await signIn(drill), 200);

  const second = drill.up();
  assert.equal(second.status, 0);
  assert.match(second.output, new RegExp(`drill is running at http://localhost:${drill.port}`));

  const { state, modules, processes, database } = drill.status();
  assert.equal(state, 'running');
  assert.deepEqual(modules!.map(({ name, state }) => `${name} ${state}`).sort(), ['mod-promist running', 'sys-accounts running', 'sys-core running']);
  assert.deepEqual(processes.map(({ what }) => what), ['controller', 'process', 'postgres']);
  assert.ok(database!.bytes > 1_000_000);
  assert.equal(statSync(join(drill.home, 'drill/secrets.env')).mode & 0o777, 0o600);

  assert.match(drill.mainstay('down').output, /drill is stopped/);
  assert.deepEqual(processes.filter(({ pid }) => identify(pid)), [], 'every process has ended');
  assert.equal(drill.status().state, 'stopped');
});

test('after kill -9 of the controller its process ends by itself, and up takes over', async (t) => {
  const drill = await deployment(t);
  assert.equal(drill.up().status, 0);
  const postgres = drill.pid('postgres');
  drill.kill('controller');
  await until('the process has ended', () => drill.pid('process') === undefined);
  assert.equal(drill.status().state, 'abandoned');
  const again = drill.up();
  assert.equal(again.status, 0, again.output);
  assert.equal(drill.pid('postgres'), postgres, 'PostgreSQL was adopted');
  assert.equal(await signIn(drill), 200);
});

test('after kill -9 of the controller down stops what it left', async (t) => {
  const drill = await deployment(t);
  assert.equal(drill.up().status, 0);
  drill.kill('controller');
  assert.match(drill.mainstay('down', '--deployment', 'drill').output, /drill is stopped/);
  assert.deepEqual(drill.status().processes, []);
});

test('after kill -9 of the process it is started again', async (t) => {
  const drill = await deployment(t);
  assert.equal(drill.up().status, 0);
  const killed = drill.pid('process');
  drill.kill('process');
  await until('another process runs', () => ![undefined, killed].includes(drill.pid('process')));
  await servesAgain(drill);
  assert.match(drill.mainstay('logs', '--deployment', 'drill').output, /killed by SIGKILL/);
});

test('after kill -9 of PostgreSQL it is started again and the process goes on', async (t) => {
  const drill = await deployment(t);
  assert.equal(drill.up().status, 0);
  const [killed, process] = [drill.pid('postgres'), drill.pid('process')];
  drill.kill('postgres');
  await until('another PostgreSQL runs', () => ![undefined, killed].includes(drill.pid('postgres')));
  await servesAgain(drill);
  assert.equal(drill.pid('process'), process);
});

test('after kill -9 of everything up works', async (t) => {
  const drill = await deployment(t);
  assert.equal(drill.up().status, 0);
  drill.kill('controller', 'process', 'postgres');
  const again = drill.up();
  assert.equal(again.status, 0, again.output);
  assert.equal(await signIn(drill), 200);
});

test('Ctrl-C stops a deployment in the foreground, its database last', async (t) => {
  const drill = await deployment(t);
  const up = spawn(script, ['up', '--deployment', drill.file], { env: drill.env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [up.stdout, up.stderr]) stream.on('data', (text) => { output += text; });
  await until('it is ready', () => output.includes('Ctrl-C stops it'));
  const exited = once(up, 'exit');
  up.kill('SIGINT');
  assert.deepEqual(await exited, [0, null]);
  assert.deepEqual(drill.status().processes, []);
  assert.match(readFileSync(join(drill.home, 'drill/postgres/postgres.log'), 'utf8'), /database system is shut down/);
});

test('a taken port is told before anything starts, and another can be chosen', async (t) => {
  const drill = await deployment(t);
  const other = createServer().listen(drill.port, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const refused = drill.up();
  assert.equal(refused.status, 1);
  assert.match(refused.output, new RegExp(`port ${drill.port} is taken by another program; choose another with --port N`));
  assert.deepEqual(drill.status().processes, []);
  assert.equal(drill.up('--port', String(await freePort())).status, 0);
});

test('a wrong deployment file is told by line and key, and nothing starts', async (t) => {
  const drill = await deployment(t);
  writeFileSync(drill.file, 'name: drill\nphase: X\nmodules:\n  sys-core:\n');
  const { status, output } = drill.up();
  assert.equal(status, 1);
  assert.match(output, /drill\.yaml:2: phase: .*"D"/);
  assert.deepEqual(drill.status().processes, []);
});
