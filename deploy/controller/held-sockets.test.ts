import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { addressesOf, tryToListen } from '@mainstay/kernel/try-to-listen';
import { until } from '@mainstay/kernel/testing';
import { anyFreePort } from './free-port.ts';
import { HeldSockets } from './held-sockets.ts';

const bindAll = join(import.meta.dirname, '../../kernel/http/bind-all.ts');

/** Answers each connection, is busy most of the time, so that connections wait to be accepted, and ends when it is told to. */
const program = (port: number) => `
  import { bindAll, stopListening } from ${JSON.stringify(bindAll)};
  const { listeners } = await bindAll('localhost', ${port}, (socket) => socket.on('error', () => {}).end('here'));
  setInterval(() => { for (const end = performance.now() + 15; performance.now() < end;); }, 20);
  process.once('message', async () => { await stopListening(listeners); setTimeout(() => process.exit(0), 50); });
  process.send('serves');`;

async function start(t: TestContext, sockets: HeldSockets, port: number): Promise<ChildProcess> {
  const { descriptors, environment } = sockets.lend();
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program(port)], { env: { ...process.env, ...environment(4) }, stdio: ['ignore', 'ignore', 'inherit', 'ipc', ...descriptors] });
  t.after(() => child.kill('SIGKILL'));
  child.once('exit', () => sockets.giveBack());
  await once(child, 'message');
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  child.send('end');
  await once(child, 'exit');
}

/** What a client of an address gets: what it was answered, or the code of its error. */
const ask = (port: number, host: string): Promise<string> =>
  new Promise((resolve) => {
    let answer = '';
    connect(port, host).setEncoding('utf8').on('data', (text: string) => (answer += text)).on('end', () => resolve(answer)).on('error', ({ code }: NodeJS.ErrnoException) => resolve(code!));
  });

test('while processes give their place to others again and again, every connection is accepted', { skip: process.platform !== 'linux' }, async (t) => {
  const port = await anyFreePort('localhost');
  const sockets = new HeldSockets(() => [{ host: 'localhost', port }]);
  let [one, over] = [await start(t, sockets, port), false];
  const answers: string[] = [];
  const clients = [...addressesOf('localhost'), ...addressesOf('localhost')].map(async (host) => {
    while (!over) answers.push(await ask(port, host));
  });
  for (let times = 0; times < 8; times++) {
    const next = await start(t, sockets, port);
    await end(one);
    one = next;
  }
  over = true;
  await Promise.all(clients);
  await end(one);
  assert.deepEqual([...new Set(answers)], ['here']);
  assert.ok(answers.length > 100);
});

test('a port is nobody else\'s while a process has its sockets, and free when the last has ended', { skip: process.platform !== 'linux' }, async (t) => {
  const port = await anyFreePort('localhost');
  const sockets = new HeldSockets(() => [{ host: 'localhost', port }]);
  const children = [await start(t, sockets, port), await start(t, sockets, port)];
  assert.equal((await tryToListen('127.0.0.1', port))?.code, 'EADDRINUSE');
  children.forEach((child) => child.kill('SIGKILL'));
  await until(async () => (await ask(port, '127.0.0.1')) === 'ECONNREFUSED', 'who connects is told at once that nobody serves');
  assert.equal(await tryToListen('127.0.0.1', port), undefined);
});

test('a controller that ends its processes lets nobody wait', { skip: process.platform !== 'linux' }, async (t) => {
  const port = await anyFreePort('localhost');
  const sockets = new HeldSockets(() => [{ host: 'localhost', port }]);
  const child = await start(t, sockets, port);
  sockets.release();
  assert.equal(await ask(port, '127.0.0.1'), 'here');
  await end(child);
  assert.equal(await ask(port, '127.0.0.1'), 'ECONNREFUSED');
});

test('an address that can not be had is left to the process, which tells what is wrong with it', () => {
  const sockets = new HeldSockets(() => [{ host: '192.0.2.1', port: 4400 }, { host: 'example.test', port: 4400 }, { host: '127.0.0.1', port: 0 }]);
  assert.deepEqual(sockets.lend().descriptors, []);
});
