import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openOperatorsPort } from './operators-port.ts';

const request = 'GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n';

/** The address, and how often its metrics were read. */
async function open() {
  const seen = { reads: 0 };
  const port = await openOperatorsPort({ host: '127.0.0.1', port: 0 }, { metrics: async () => (seen.reads++, []), ready: () => ({ ready: true, modules: [] }), peers: () => [] });
  const socketTo = async () => {
    const socket = connect({ port: Number(new URL(port.address).port), host: '127.0.0.1' }).on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };
  return { seen, socketTo, address: port.address, [Symbol.asyncDispose]: () => port.close() };
}

test('thousands of requests at once for the metrics are cut, and the metrics are not read for each', async () => {
  await using operators = await open();
  const socket = await operators.socketTo();
  socket.resume().write(request.repeat(5000));
  await new Promise((resolve) => socket.once('close', resolve));
  assert.ok(operators.seen.reads < 200, `they were read ${operators.seen.reads} times`);
  assert.equal((await fetch(`${operators.address}/livez`)).status, 200);
});

test('the connection after the hundredth is refused, unless one rests, which gives way', async () => {
  await using operators = await open();
  const silent = await Promise.all(Array.from({ length: 100 }, () => operators.socketTo()));
  for (const socket of silent) socket.write('GET /metrics');
  // Until all have come.
  await sleep(300);
  const refused = await operators.socketTo();
  assert.match(String((await once(refused, 'data'))[0]), /TOO_MANY_CONNECTIONS/);
  silent[0]!.write(' HTTP/1.1\r\nhost: a\r\n\r\n');
  assert.match(String((await once(silent[0]!, 'data'))[0]), /^HTTP\/1.1 200/);
  assert.equal((await fetch(`${operators.address}/livez`)).status, 200);
  for (const socket of silent) socket.destroy();
});
