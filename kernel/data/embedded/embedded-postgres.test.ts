import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import pg from 'pg';
import { until } from '../../testing/until.ts';
import { findRunning, startEmbeddedPostgres, stopEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.ts';

const root = mkdtempSync(join(tmpdir(), 'mainstay-embedded-'));
after(() => rmSync(root, { recursive: true, force: true }));

const folder = (name: string) => join(root, name);
const start = (directory: string, options: { userNamespaces?: boolean } = {}) => startEmbeddedPostgres({ directory, diesWithParent: true, ...options });

async function ask<T>(server: EmbeddedPostgres, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: server.adminUrl('postgres') });
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query<any[]>({ text: sql, rowMode: 'array' });
    return rows.map((row) => row[0]);
  } finally {
    await client.end();
  }
}

/** Another process that starts a server, says its number, and lives until it is killed. */
async function starter(directory: string) {
  const source = `
    const { startEmbeddedPostgres } = await import(${JSON.stringify(new URL('./embedded-postgres.ts', import.meta.url).href)});
    const { pid, adopted } = await startEmbeddedPostgres({ directory: ${JSON.stringify(directory)} });
    console.log(JSON.stringify({ pid, adopted }));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  const kill = async () => { child.kill('SIGKILL'); await once(child, 'exit'); };
  return { ...(JSON.parse(String(line)) as { pid: number; adopted: boolean }), kill };
}

test('a new folder becomes a server on a unix socket with builtin collation', async () => {
  const server = await start(folder('new'));
  assert.equal(server.adopted, false);
  assert.deepEqual(await ask(server, 'show listen_addresses'), ['']);
  assert.deepEqual(await ask(server, `select datlocale from pg_database where datname = 'template1'`), ['C.UTF-8']);
  assert.deepEqual(await ask(server, 'show fsync'), ['on']);
  assert.equal(findRunning(folder('new'))?.pid, server.pid);
  await server.stop();
  assert.equal(findRunning(folder('new')), undefined);
  await stopEmbeddedPostgres(folder('new'));
});

test('a server whose starter was killed is adopted with its data', async () => {
  const first = await starter(folder('adopt'));
  await first.kill();
  const server = await start(folder('adopt'));
  assert.equal(server.adopted, true);
  assert.equal(server.pid, first.pid);
  assert.deepEqual(await ask(server, 'select 1'), [1]);
  await server.stop();
});

test('no acknowledged row is lost when starter and server are killed', async () => {
  const first = await starter(folder('crash'));
  const running = findRunning(folder('crash'))!;
  await ask(running, 'create table kept (n int)');
  await ask(running, 'insert into kept values (7)');
  process.kill(first.pid, 'SIGKILL');
  await first.kill();
  const server = await start(folder('crash'));
  assert.equal(server.adopted, false);
  assert.deepEqual(await ask(server, 'select n from kept'), [7]);
  await server.stop();
});

test('of several starters one starts and the others adopt', async () => {
  const started = await Promise.all([1, 2, 3].map(() => starter(folder('race'))));
  assert.equal(started.filter(({ adopted }) => !adopted).length, 1);
  assert.equal(new Set(started.map(({ pid }) => pid)).size, 1);
  for (const { kill } of started) await kill();
  await stopEmbeddedPostgres(folder('race'));
});

test('an initialisation that was cut short is done again', async () => {
  mkdirSync(join(folder('half'), 'data.unfinished.1.2/base'), { recursive: true });
  writeFileSync(join(folder('half'), 'data.unfinished.1.2/PG_VERSION'), '18\n');
  const server = await start(folder('half'));
  assert.deepEqual(await ask(server, 'select 1'), [1]);
  await server.stop();
});

test('a starter that is killed in the middle of initialising leaves nothing that hinders the next', async () => {
  const directory = folder('killed');
  const source = `const { startEmbeddedPostgres } = await import(${JSON.stringify(new URL('./embedded-postgres.ts', import.meta.url).href)});
    await startEmbeddedPostgres({ directory: ${JSON.stringify(directory)} });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: 'inherit' });
  const begun = () => existsSync(directory) && readdirSync(directory).some((name) => name.startsWith('data.unfinished.'));
  await until(begun);
  child.kill('SIGKILL');
  const server = await start(directory);
  assert.deepEqual(await ask(server, 'select 1'), [1]);
  await server.stop();
});

test('a server that is stopping is waited for, and started again', async () => {
  const first = await start(folder('stopping'));
  const [stopped, second] = await Promise.all([first.stop(), start(folder('stopping'))]);
  assert.equal(stopped, undefined);
  assert.equal(second.adopted, false);
  assert.deepEqual(await ask(second, 'select 1'), [1]);
  await stopEmbeddedPostgres(folder('stopping'));
});

test('a server meant to die with its parent does', async () => {
  const source = `const { startEmbeddedPostgres } = await import(${JSON.stringify(new URL('./embedded-postgres.ts', import.meta.url).href)});
    await startEmbeddedPostgres({ directory: ${JSON.stringify(folder('mortal'))}, diesWithParent: true });
    console.log('up'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  assert.ok(findRunning(folder('mortal')));
  child.kill('SIGKILL');
  await until(() => !findRunning(folder('mortal')));
});

test('a folder too deep for a socket gets a short socket folder', async () => {
  const deep = join(folder('deep'), 'x'.repeat(60), 'y'.repeat(60));
  const server = await start(deep);
  assert.ok(!server.socketDirectory.startsWith(deep));
  assert.deepEqual(await ask(server, 'select 1'), [1]);
  assert.equal(findRunning(deep)?.socketDirectory, server.socketDirectory);
  await server.stop();
  rmSync(server.socketDirectory, { recursive: true });
});

test('the lock file of a dead server whose number another process got does not stop a start', async () => {
  await (await start(folder('stale'))).stop();
  const lock = [String(process.ppid), join(folder('stale'), 'data'), '0', '5432', join(folder('stale'), 'socket'), '', '', 'ready', ''].join('\n');
  writeFileSync(join(folder('stale'), 'data/postmaster.pid'), lock);
  assert.equal(findRunning(folder('stale')), undefined);
  const server = await start(folder('stale'));
  assert.deepEqual(await ask(server, 'select 1'), [1]);
  await server.stop();
});

test('the data of another major version is refused by name', async () => {
  mkdirSync(join(folder('old'), 'data'), { recursive: true });
  writeFileSync(join(folder('old'), 'data/PG_VERSION'), '15\n');
  await assert.rejects(start(folder('old')), /was made by PostgreSQL 15 and this is PostgreSQL 18/);
});

test('root without user namespaces runs the server as an unprivileged account', { skip: process.getuid!() !== 0 }, async () => {
  const open = mkdtempSync(join(tmpdir(), 'mainstay-open-'));
  chmodSync(open, 0o755);
  const directory = join(open, 'server');
  const server = await start(directory, { userNamespaces: false });
  assert.deepEqual(await ask(server, 'select 1'), [1]);
  assert.notEqual(statSync(join(directory, 'data')).uid, 0);
  await server.stop();
  const again = await start(directory);
  assert.deepEqual(await ask(again, 'select 1'), [1]);
  await again.stop();
  rmSync(open, { recursive: true });
});

test('root without user namespaces is told when the account may not enter the folder', { skip: process.getuid!() !== 0 }, async () => {
  await assert.rejects(start(folder('closed'), { userNamespaces: false }), /may not enter/);
});
