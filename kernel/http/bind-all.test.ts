import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { bindAll, sharePorts, stopListening } from './bind-all.ts';

/** Listens on a port in a process of its own, and tells that it could, or why not. */
function bindElsewhere(port: number, share: boolean): string {
  const file = JSON.stringify(join(import.meta.dirname, 'bind-all.ts'));
  const source = `const { bindAll, sharePorts } = await import(${file}); ${share ? 'sharePorts();' : ''} await bindAll('127.0.0.1', ${port}, () => {}).then(() => process.stdout.write('bound'), ({ code }) => process.stdout.write(code)); process.exit();`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', source], { encoding: 'utf8' }).stdout;
}

test('a port is for one process alone, unless both share theirs', { skip: process.platform !== 'linux' }, async () => {
  const { port, listeners } = await bindAll('127.0.0.1', 0, () => {});
  assert.equal(bindElsewhere(port, false), 'EADDRINUSE');
  assert.equal(bindElsewhere(port, true), 'EADDRINUSE');
  listeners.forEach((listener) => listener.close());

  const sharing = createServer().listen({ host: '127.0.0.1', port: 0, reusePort: true });
  await once(sharing, 'listening');
  const shared = (sharing.address() as { port: number }).port;
  assert.equal(bindElsewhere(shared, false), 'EADDRINUSE');
  assert.equal(bindElsewhere(shared, true), 'bound');
  sharing.close();
});

test('a port that others share is refused to one who is to be alone there', { skip: process.platform !== 'linux' }, async () => {
  sharePorts();
  const sharing = createServer().listen({ host: '127.0.0.1', port: 0, reusePort: true });
  await once(sharing, 'listening');
  const { port } = sharing.address() as { port: number };
  await assert.rejects(bindAll('127.0.0.1', port, () => {}, true), { code: 'EADDRINUSE', message: `port ${port} is taken` });
  sharing.close();
  await once(sharing, 'close');
  const { listeners } = await bindAll('127.0.0.1', port, () => {}, true);
  listeners.forEach((listener) => listener.close());
});

test('a port that is shared with other processes is taken once in this one', async (t) => {
  sharePorts();
  const first = await bindAll('localhost', 0, (socket) => socket.destroy());
  t.after(() => first.listeners.forEach((listener) => listener.close()));
  const second = await bindAll('localhost', first.port, (socket) => socket.destroy()).catch((error: NodeJS.ErrnoException) => error);
  if (!(second instanceof Error)) second.listeners.forEach((listener) => listener.close());
  assert.equal((second as Error).message, `port ${first.port} is taken`);
});

test('a process that never rests stops listening all the same', async () => {
  const { listeners } = await bindAll('127.0.0.1', 0, () => {});
  let busy = true;
  const work = () => {
    for (const end = performance.now() + 1; performance.now() < end; );
    if (busy) setImmediate(work);
  };
  work();
  await stopListening(listeners);
  busy = false;
  assert.deepEqual(listeners.map(({ listening }) => listening), [false]);
});
