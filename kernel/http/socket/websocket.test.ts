import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { fastify } from 'fastify';
import { WebSocket } from 'ws';
import { InProcessRegistry } from '../../placement/in-process-registry.ts';
import type { EchoWatch } from '../../testing/echo.ts';
import { startTestServer } from '../../testing/test-server.ts';
import { until } from '../../testing/until.ts';
import type { HttpServer } from '../start-http-server.ts';
import { socketRoute } from './websocket.ts';

type Frame = { id?: string; message?: Record<string, unknown>; end?: { trailers?: Record<string, string> }; error?: { reason?: string; status: number; detail: string; errors?: unknown[] } };

const watch: EchoWatch = { running: 0, produced: 0 };
const echo = (method: string) => `mainstay.testing.v1.EchoService/${method}`;
let server: HttpServer;
before(async () => void (server = await startTestServer({}, watch)));
after(() => server.close());

/** An open socket, and the frames that arrive on it. */
async function connect(headers: Record<string, string> = {}) {
  const socket = new WebSocket(`ws://127.0.0.1:${server.port}/v1/socket`, { headers });
  const frames: Frame[] = [];
  let wake = () => {};
  socket.on('message', (data) => {
    frames.push(JSON.parse(String(data)) as Frame);
    wake();
  });
  await once(socket, 'open');
  return {
    socket,
    frames,
    send: (frame: unknown) => socket.send(typeof frame === 'string' || Buffer.isBuffer(frame) ? frame : JSON.stringify(frame)),
    async next(): Promise<Frame> {
      while (frames.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return frames.shift()!;
    },
    async [Symbol.asyncDispose]() {
      socket.close();
      if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close');
    },
  };
}

test('a unary call is answered with a message and an end that carries the trailers', async () => {
  await using peer = await connect();
  peer.send({ id: 'a', call: echo('GetEcho'), headers: { 'echo-header': 'kept' }, message: { text: 'hello' } });
  assert.equal((await peer.next()).message?.text, 'hello');
  assert.deepEqual(await peer.next(), { id: 'a', end: { trailers: { 'echo-trailer': 'kept' } } });
});

test('headers of the upgrade request belong to every call', async () => {
  await using peer = await connect({ authorization: 'Bearer one' });
  peer.send({ id: 1, call: echo('GetEcho'), message: { text: 'x' } });
  await peer.next();
  assert.equal(watch.context?.requestHeader.get('authorization'), 'Bearer one');
});

test('a client stream is summed up after its end', async () => {
  await using peer = await connect();
  peer.send({ id: 's', call: echo('Sum') });
  for (const number of ['1', '2', '3']) peer.send({ id: 's', message: { number } });
  peer.send({ id: 's', end: true });
  assert.deepEqual(await peer.next(), { id: 's', message: { sum: '6', count: 3 } });
  assert.deepEqual(await peer.next(), { id: 's', end: {} });
});

test('calls in both directions run side by side on one socket', async () => {
  await using peer = await connect();
  peer.send({ id: 'one', call: echo('Converse'), message: { text: '1' } });
  peer.send({ id: 'two', call: echo('Converse'), message: { text: '2' } });
  const first = [await peer.next(), await peer.next()];
  assert.deepEqual(first.map(({ id, message }) => [id, message?.text]).sort(), [['one', '1'], ['two', '2']]);
  peer.send({ id: 'one', message: { text: 'fail' } });
  assert.equal((await peer.next()).error?.reason, 'testing.ECHO_REFUSED');
  peer.send({ id: 'two', message: { text: 'still here' } });
  assert.equal((await peer.next()).message?.text, 'still here');
});

test('a cancelled stream ends at its handler', async () => {
  await using peer = await connect();
  peer.send({ id: 'c', call: echo('Count'), message: { to: 1000, delayMs: 10 } });
  await peer.next();
  assert.equal(watch.running, 1);
  peer.send({ id: 'c', cancel: true });
  await until(() => watch.running === 0);
  await until(() => peer.frames.some(({ error }) => error));
  assert.equal(peer.frames.at(-1)?.error?.status, 499);
});

test('closing the socket ends its calls', async () => {
  {
    await using peer = await connect();
    peer.send({ id: 'c', call: echo('Count'), message: { to: 1000, delayMs: 10 } });
    await peer.next();
  }
  await until(() => watch.running === 0);
});

test('a stream is produced no faster than the client reads', async () => {
  await using peer = await connect();
  const before = watch.produced;
  peer.socket.pause();
  peer.send({ id: 'c', call: echo('Count'), message: { to: 5000, payloadBytes: 50_000 } });
  await until(() => watch.produced > before);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(watch.produced - before < 1000, `produced ${watch.produced - before} messages of 50 kB that nobody read`);
  peer.socket.terminate();
  await until(() => watch.running === 0);
});

for (const [what, frame, reason] of [
  ['a text that is not JSON', '{', 'kernel.MALFORMED_FRAME'],
  ['a frame that is no object', '[]', 'kernel.MALFORMED_FRAME'],
  ['a frame without an id', { call: echo('GetEcho') }, 'kernel.MALFORMED_FRAME'],
  ['a frame that says nothing known', { id: 'x', method: 'GetEcho' }, 'kernel.MALFORMED_FRAME'],
  ['a binary frame', Buffer.from('{}'), 'kernel.MALFORMED_FRAME'],
  ['a call that is no text', { id: 'x', call: { toString: 1 } }, 'kernel.MALFORMED_FRAME'],
  ['a method that does not exist', { id: 'x', call: 'none.Service/None' }, 'kernel.NO_SUCH_METHOD'],
  ['a message that does not fit', { id: 'x', call: echo('GetEcho'), message: { text: 1 } }, 'kernel.INVALID_REQUEST'],
  ['a time that does not exist', { id: 'x', call: echo('GetEcho'), message: { text: 'x', time: '2026-02-29T00:00:00Z' } }, 'kernel.INVALID_REQUEST'],
  ['a message that breaks a rule', { id: 'x', call: echo('CreateEcho'), message: { text: '' } }, 'kernel.INVALID_REQUEST'],
  ['a header that cannot be sent', { id: 'x', call: echo('GetEcho'), headers: { 'a b': 'c' } }, 'kernel.MALFORMED_FRAME'],
] as const) {
  test(`${what} is answered with ${reason}, and the socket stays open`, async () => {
    await using peer = await connect();
    peer.send(frame);
    assert.equal((await peer.next()).error?.reason, reason);
    peer.send({ id: 'after', call: echo('GetEcho'), message: { text: 'well' } });
    assert.equal((await peer.next()).message?.text, 'well');
  });
}

test('what is wrong with a frame for an open call is said without its id, and the call goes on', async () => {
  await using peer = await connect();
  peer.send({ id: 'a', call: echo('Converse'), message: { text: 'one' } });
  assert.equal((await peer.next()).message?.text, 'one');
  for (const frame of [{ id: 'a', call: echo('GetEcho') }, { id: 'a', end: 1 }, { id: 'a', message: 1 }]) {
    peer.send(frame);
    const { id, error } = await peer.next();
    assert.deepEqual([id, error?.reason], [undefined, 'kernel.MALFORMED_FRAME']);
  }
  peer.send({ id: 'a', message: { text: 'two' }, end: true });
  assert.equal((await peer.next()).message?.text, 'two');
  assert.deepEqual(await peer.next(), { id: 'a', end: {} });
});

test('a message after the last is refused, and the call that takes no more goes on', async () => {
  await using peer = await connect();
  peer.send({ id: 'c', call: echo('Count'), message: { to: 1, delayMs: 50 } });
  peer.send({ id: 'c', message: { to: 2 } });
  const { id, error } = await peer.next();
  assert.deepEqual([id, error?.reason, error?.detail], [undefined, 'kernel.MALFORMED_FRAME', 'the frame is not valid: the call "c" takes no more messages']);
  assert.equal((await peer.next()).message?.number, 1);
  assert.deepEqual(await peer.next(), { id: 'c', end: {} });
});

test('a frame over the limit closes the socket with 1009', async () => {
  await using peer = await connect();
  peer.send(JSON.stringify({ id: 'x', call: 'y'.repeat(2 * 1024 * 1024) }));
  const [code] = (await once(peer.socket, 'close')) as [number];
  assert.equal(code, 1009);
});

test('the call after the hundredth open one is refused', async () => {
  await using peer = await connect();
  for (let id = 0; id <= 100; id++) peer.send({ id, call: echo('Converse') });
  assert.equal((await peer.next()).error?.reason, 'kernel.TOO_MANY_CALLS');
});

test('a page of another origin is refused, one of the same origin is not', async () => {
  const foreign = new WebSocket(`ws://127.0.0.1:${server.port}/v1/socket`, { origin: 'http://evil.test' });
  const [, response] = (await once(foreign, 'unexpected-response')) as [unknown, { statusCode: number }];
  assert.equal(response.statusCode, 403);
  foreign.on('error', () => {}).terminate();
  await using peer = await connect({ origin: `http://127.0.0.1:${server.port}` });
  assert.equal(peer.socket.readyState, WebSocket.OPEN);
});

test('an upgrade elsewhere, and the socket path without an upgrade, are refused', async () => {
  for (const path of ['/', '/v1/genres', '/none']) {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}${path}`);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    assert.equal(response.statusCode, 404, path);
    socket.on('error', () => {}).terminate();
  }
  assert.equal((await fetch(`${server.address}/v1/socket`)).status, 426);
});

test('stopping the server tells the open calls and closes the socket', async () => {
  const other = await startTestServer();
  const socket = new WebSocket(`ws://127.0.0.1:${other.port}/v1/socket`);
  await once(socket, 'open');
  socket.send(JSON.stringify({ id: 'c', call: echo('Converse'), message: { text: 'x' } }));
  await once(socket, 'message');
  const last = once(socket, 'message');
  const closed = once(socket, 'close');
  await other.close();
  assert.equal((JSON.parse(String((await last)[0])) as Frame).error?.reason, 'kernel.STOPPING');
  assert.equal((await closed)[0], 1001);
});

test('a client that has gone without a word is dropped', async () => {
  const app = fastify();
  await socketRoute(app, { services: [], transport: new InProcessRegistry().transport, json: {}, frameLimitBytes: 1000, stopping: new AbortController().signal, aliveEveryMs: 50 });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const address = `ws://127.0.0.1:${(app.server.address() as AddressInfo).port}/v1/socket`;
  const lively = new WebSocket(address);
  const dead = new WebSocket(address, { autoPong: false });
  await Promise.all([once(lively, 'open'), once(dead, 'open')]);
  const [code] = (await once(dead, 'close')) as [number];
  assert.equal(code, 1006);
  assert.equal(lively.readyState, WebSocket.OPEN);
  lively.terminate();
  await app.close();
});

test('thousands of frames that come in one packet leave room for others between them', async () => {
  await using peer = await connect();
  const count = 1000;
  // One write: no more than that is read at once.
  const raw = (peer.socket as unknown as { _socket: Socket })._socket;
  raw.cork();
  for (let sent = 0; sent < count; sent++) peer.send('{');
  raw.uncork();
  let turns = 0;
  while (peer.frames.length < count) {
    await new Promise((resolve) => setImmediate(resolve));
    turns++;
  }
  assert.ok(turns >= count / 2, `others had ${turns} turns`);
});
