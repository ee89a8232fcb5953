import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startTestServer } from '../testing/test-server.ts';
import { until } from '../testing/until.ts';
import { createOnePort, type OnePort } from './one-port.ts';
import type { HttpServer } from './start-http-server.ts';

const decideWithinMs = 400;
let onePort: OnePort;
let port: number;
let server: HttpServer;
before(async () => {
  onePort = createOnePort((request, response) => response.end(`${request.httpVersion} ${request.url}`), { decideWithinMs, headersWithinMs: 400 });
  port = await onePort.listen('localhost', 0);
  server = await startTestServer();
});
after(async () => {
  const drained = onePort.drain();
  onePort.destroy();
  await Promise.all([drained, server.close()]);
});

async function open(to = port, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port: to, host });
  await once(socket, 'connect');
  return socket;
}

async function textOf(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

test('a lone P is held without spinning and cut after the limit', async () => {
  const sockets = await Promise.all(Array.from({ length: 20 }, () => open()));
  for (const socket of sockets) socket.write('P');
  const before = process.cpuUsage();
  const start = performance.now();
  await Promise.all(sockets.map((socket) => once(socket.resume(), 'close')));
  const cpu = process.cpuUsage(before);
  const waited = performance.now() - start;
  assert.ok(waited > decideWithinMs - 50 && waited < decideWithinMs + 2000, `cut after ${waited} ms`);
  assert.ok(cpu.user + cpu.system < (waited * 1000) / 2, `used ${cpu.user + cpu.system} µs in ${waited} ms`);
});

test('a silent connection is cut after the limit', async () => {
  const socket = await open();
  await once(socket.resume(), 'close');
});

test('a request that arrives byte by byte is answered, though it starts like the HTTP/2 preface', async () => {
  const socket = await open();
  for (const byte of 'PRI') {
    socket.write(byte);
    await sleep(5);
  }
  socket.destroy();
  const other = await open();
  for (const byte of 'POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\nconnection: close\r\n\r\n') {
    other.write(byte);
    await sleep(1);
  }
  assert.match(await textOf(other), /1\.1 \/x$/);
});

test('the HTTP/2 preface may arrive in two pieces', async () => {
  const socket = await open();
  const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
  socket.write(preface.subarray(0, 10));
  await sleep(20);
  socket.write(preface.subarray(10));
  const [answer] = (await once(socket, 'data')) as [Buffer];
  assert.equal(answer[3], 4, 'the server answers with its SETTINGS frame');
  socket.destroy();
});

test('HTTP/2 with prior knowledge is served on the same port', async () => {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const stream = session.request({ ':path': '/two' });
  let text = '';
  for await (const chunk of stream) text += String(chunk);
  session.close();
  assert.equal(text, '2.0 /two');
});

test('pipelined requests are all answered', async () => {
  const socket = await open();
  socket.write('GET /a HTTP/1.1\r\nhost: a\r\n\r\nGET /b HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  const text = await textOf(socket);
  assert.ok(text.includes('1.1 /a') && text.endsWith('1.1 /b'), text);
});

test('the next request of a pipeline begins when the answer before it is out', async () => {
  const begun: string[] = [];
  const answers = new Map<string, ServerResponse>();
  const slow = createOnePort((request, response) => (begun.push(request.url!), answers.set(request.url!, response)));
  const socket = await open(await slow.listen('127.0.0.1', 0));
  socket.write('GET /a HTTP/1.1\r\nhost: a\r\n\r\nGET /b HTTP/1.1\r\nhost: a\r\n\r\nGET /c HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  const text = textOf(socket);
  for (const [index, path] of ['/a', '/b', '/c'].entries()) {
    await until(() => answers.has(path));
    await sleep(20);
    assert.equal(begun.length, index + 1);
    answers.get(path)!.end(path);
  }
  assert.match(await text, /\/a[^]*\/b[^]*\/c$/);
  await slow.drain();
});

test('a pipeline of more than 128 waiting requests is cut', async () => {
  const slow = createOnePort(() => {});
  const socket = await open(await slow.listen('127.0.0.1', 0));
  socket.write('GET /a HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(200));
  assert.match(await textOf(socket).catch((error: NodeJS.ErrnoException) => String(error.code)), /^(ECONNRESET)?$/);
  await slow.drain();
});

test('a connection beyond the limit is told so and closed; there is room again when another ends', async () => {
  const small = createOnePort((_request, response) => response.end('served'), { limits: { all: 2, perAddress: 1 } });
  const to = await small.listen('127.0.0.1', 0);
  const request = 'GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n';
  // The limit of one address is not for this machine itself.
  const first = [await open(to), await open(to)];
  const refused = await textOf(await open(to));
  assert.match(refused, /^HTTP\/1\.1 503 [^]*kernel\.TOO_MANY_CONNECTIONS/);
  first[0]!.destroy();
  await until(() => small.connections <= 1);
  const third = await open(to);
  third.write(request);
  assert.match(await textOf(third), /served$/);
  first[1]!.destroy();
  await small.drain();
});

test('a new connection takes the place of one that rests', async () => {
  const small = createOnePort((_request, response) => response.end('served'), { limits: { all: 3, perAddress: 1 } });
  const to = await small.listen('127.0.0.1', 0);
  const request = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
  const resting = [await open(to), await open(to)];
  for (const socket of resting) {
    socket.write(request);
    await once(socket, 'data');
  }
  const http2 = connectHttp2(`http://127.0.0.1:${to}`).on('error', () => {});
  await once(http2, 'remoteSettings');
  const cut = [...resting, http2].map((connection) => once(connection, 'close'));
  const last = await open(to);
  last.write(request);
  assert.match(String((await once(last, 'data'))[0]), /served$/);
  await Promise.all(cut);
  last.destroy();
  await small.drain();
});

test('a connection that has said nothing for a second gives way to a new one', async () => {
  const small = createOnePort((_request, response) => response.end('served'), { limits: { all: 1, perAddress: 1 } });
  const to = await small.listen('127.0.0.1', 0);
  const silent = await open(to);
  const closed = once(silent.resume(), 'close');
  assert.match(await textOf(await open(to)), /TOO_MANY_CONNECTIONS/);
  await sleep(1050);
  const next = await open(to);
  next.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  assert.match(await textOf(next), /served$/);
  await closed;
  await small.drain();
});

test('a request does not wait until the hundreds that another connection sent at once have begun', async () => {
  const begun: string[] = [];
  const small = createOnePort((request, response) => {
    if (begun.push(request.url!) === 1) other.request({ ':path': '/other' }).resume().end();
    // Each costs something, as a call does.
    for (const until = performance.now() + 1; performance.now() < until; );
    response.end();
  });
  const address = `http://127.0.0.1:${await small.listen('127.0.0.1', 0)}`;
  const many = connectHttp2(address);
  const other = connectHttp2(address);
  for (const session of [many, other]) await once(session, 'remoteSettings');
  for (let count = 0; count < 200; count++) many.request({ ':path': '/many' }).resume().end();
  await until(() => begun.length >= 201);
  assert.ok(begun.indexOf('/other') < 150, `it was number ${begun.indexOf('/other')}`);
  many.destroy();
  other.destroy();
  await small.drain();
});

test('when more HTTP/2 requests are open than there may be connections, the connection that has most of them is cut', async () => {
  const small = createOnePort((_request, response) => void response.writeHead(200).flushHeaders(), { limits: { all: 20, perAddress: 20 } });
  const address = `http://127.0.0.1:${await small.listen('127.0.0.1', 0)}`;
  const [few, many] = [connectHttp2(address), connectHttp2(address)].map((session) => session.on('error', () => {}));
  const waiting = few!.request().resume();
  await once(waiting, 'response');
  for (let count = 0; count < 30; count++) many!.request({ ':method': 'POST' }).on('error', () => {});
  await once(many!, 'close');
  assert.equal(waiting.closed, false);
  for (let count = 0; count < 18; count++) await once(few!.request().resume(), 'response');
  few!.destroy();
  await small.drain();
});

const outside = Object.values(networkInterfaces()).flat().find((found) => found && !found.internal && found.family === 'IPv4')?.address;

test('connections of one address elsewhere have a limit of their own', { skip: outside ? false : 'needs an address beside loopback' }, async () => {
  const small = createOnePort(() => {}, { limits: { all: 10, perAddress: 2 } });
  const to = await small.listen(outside!, 0);
  const first = [await open(to, outside), await open(to, outside)];
  assert.match(await textOf(await open(to, outside)), /^HTTP\/1\.1 503 [^]*at most 2 connections may be open from one address/);
  for (const socket of first) socket.destroy();
  await small.drain();
});

test('while too much waits to be read, the connections that read slowest are cut, and others are served', async () => {
  const bounded = createOnePort((request, response) => response.end(request.url === '/large' ? 'x'.repeat(8 * 1024 * 1024) : 'small'), { mostUnreadBytes: 20 * 1024 * 1024 });
  const to = await bounded.listen('127.0.0.1', 0);
  const sockets = await Promise.all(Array.from({ length: 6 }, () => open(to)));
  const session = connectHttp2(`http://127.0.0.1:${to}`, { settings: { initialWindowSize: 0 } });
  session.on('error', () => {});
  for (let count = 0; count < 6; count++) session.request({ ':path': '/large' }).on('error', () => {});
  for (const socket of sockets) socket.pause().write('GET /large HTTP/1.1\r\nhost: a\r\n\r\n');
  await once(session, 'close');
  await until(() => bounded.connections <= 3);
  assert.equal(await (await fetch(`http://127.0.0.1:${to}/`)).text(), 'small');
  bounded.destroy();
  await bounded.drain();
});

test('a connection that ends after the HTTP/2 preface is let go of', async () => {
  const alone = createOnePort(() => {});
  const socket = await open(await alone.listen('127.0.0.1', 0));
  socket.write(Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1'));
  await once(socket, 'data');
  socket.end();
  await until(() => alone.connections === 0);
  await alone.drain();
});

test('both loopback addresses answer', async () => {
  for (const host of ['127.0.0.1', '[::1]', 'localhost']) assert.equal(await (await fetch(`http://${host}:${port}/v`)).text(), '1.1 /v', host);
});

test('bytes of no protocol get a problem document and the connection is closed', async () => {
  const socket = await open(server.port);
  socket.write('\x16\x03\x01 hello\r\n\r\n');
  const text = await textOf(socket);
  assert.match(text, /^HTTP\/1\.1 400 /);
  assert.match(text, /kernel\.MALFORMED_REQUEST/);
});

test('headers over the limit get 431', async () => {
  const socket = await open(server.port);
  socket.write(`GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`);
  assert.match(await textOf(socket), /^HTTP\/1\.1 431 /);
});

test('headers that trickle in are answered with 408', async () => {
  const socket = await open();
  socket.write('GET / HTTP/1.1\r\nhost: a\r\n');
  const trickle = setInterval(() => socket.write('x: y\r\n'), 50);
  // A line that is under way when the server closes makes the system reset the connection, and drop the answer.
  const text = await textOf(socket).catch((error: NodeJS.ErrnoException) => error.code ?? '').finally(() => clearInterval(trickle));
  assert.match(text, /^HTTP\/1\.1 408 |^ECONNRESET$|^EPIPE$/);
});

test('a connection that breaks off in the preface harms nobody', async () => {
  for (const start of ['', 'P', 'PRI * HTTP/2.0\r\n\r\nSM', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrubbish', 'GET / HT']) {
    const socket = await open(server.port);
    socket.write(start);
    await sleep(10);
    socket.resetAndDestroy();
  }
  assert.equal((await fetch(`${server.address}/healthz`)).status, 200);
});

test('a taken port is named', async () => {
  await assert.rejects(startTestServer({ port: server.port }), { code: 'EADDRINUSE', message: `port ${server.port} is taken` });
});
