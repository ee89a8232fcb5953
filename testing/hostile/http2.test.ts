import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Attacked } from './attacked.ts';
import { flags, frame, frameTypes as types, indexed, literal, preface, requestHeaders, setting, word } from './http2-frames.ts';
import { cut, openRaw, send } from './raw-connection.ts';

let attacked: Attacked;
before(async () => (attacked = await Attacked.start()));
after(() => attacked.stop());

/** Connections that an attack uses. */
const connections = 4;
const { data, headers, priority, reset, settings, ping, goAway, windowUpdate, continuation } = types;

async function openHttp2(...first: Buffer[]): Promise<Socket> {
  const socket = await openRaw(attacked.port);
  socket.resume();
  await send(socket, Buffer.concat([preface, frame(settings, 0, 0, Buffer.concat(first))]));
  return socket;
}

/** Sends what `batch` makes until the server ends the connection or all is sent; tells which. */
async function flood(socket: Socket, batches: number, batch: (nth: number) => Buffer[]): Promise<'cut' | 'sent'> {
  for (let nth = 0; nth < batches; nth++) {
    if (socket.destroyed || socket.readableEnded) return 'cut';
    await send(socket, Buffer.concat(batch(nth)));
    if (nth % 10 === 0) await sleep(0);
  }
  for (let waited = 0; waited < 20 && !socket.destroyed && !socket.readableEnded; waited++) await sleep(20);
  return socket.destroyed || socket.readableEnded ? 'cut' : 'sent';
}

const times = <T>(count: number, make: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => make(index));

/** One attack on some connections at once; the outcome of each. */
async function attack(run: (socket: Socket) => Promise<'cut' | 'sent'>) {
  const outcomes: ('cut' | 'sent')[] = [];
  const harm = await attacked.during(async () => {
    const sockets = await Promise.all(times(connections, () => openHttp2()));
    outcomes.push(...(await Promise.all(sockets.map(run))));
    cut(sockets);
  });
  return { ...harm, cut: outcomes.filter((outcome) => outcome === 'cut').length };
}

const request = (stream: number, end = true, more: Record<string, string> = {}) => frame(headers, flags.endHeaders | (end ? flags.endStream : 0), stream, requestHeaders('/v1/promises', more));
const streamOf = (nth: number, index: number, size: number) => (nth * size + index) * 2 + 1;

test('HTTP/2: frames that are made by hand are served like those of a library', async () => {
  const socket = await openRaw(attacked.port);
  await send(socket, Buffer.concat([preface, frame(settings, 0, 0), frame(headers, flags.endHeaders | flags.endStream, 1, requestHeaders('/healthz'))]));
  let answer = '';
  for await (const chunk of socket) if ((answer += String(chunk)).includes('alive')) break;
  assert.match(answer, /"alive":true/);
});

/** Floods that the server must end by itself. */
const ended: Record<string, (socket: Socket) => Promise<'cut' | 'sent'>> = {
  'streams that are reset at once (CVE-2023-44487)': (socket) => flood(socket, 500, (nth) => times(200, (index) => streamOf(nth, index, 200)).flatMap((stream) => [request(stream), frame(reset, 0, stream, word(8))])),
  'streams that the server must reset (MadeYouReset)': (socket) => flood(socket, 500, (nth) => times(200, (index) => streamOf(nth, index, 200)).flatMap((stream) => [request(stream), frame(windowUpdate, 0, stream, word(0))])),
  'streams that exceed what may be open': (socket) => flood(socket, 100, (nth) => times(200, (index) => request(streamOf(nth, index, 200), false))),
  'headers that go on without end (CVE-2024-27316)': (socket) => flood(socket, 400, (nth) => [frame(nth === 0 ? headers : continuation, 0, 1, nth === 0 ? requestHeaders('/') : literal('x', 'y'.repeat(100)).subarray(0, 103)), ...times(100, () => frame(continuation, 0, 1, literal('x', 'y'.repeat(100))))]),
  'continuations that hold nothing': (socket) => flood(socket, 400, (nth) => [frame(nth === 0 ? headers : continuation, 0, 1), ...times(400, () => frame(continuation, 0, 1))]),
  'a window that overflows': (socket) => flood(socket, 10, () => times(4, () => frame(windowUpdate, 0, 0, word(0x7fffffff)))),
  'a body in pieces of one byte': (socket) => flood(socket, 400, (nth) => [...(nth === 0 ? [frame(headers, flags.endHeaders, 1, requestHeaders('/v1/promises', { 'content-type': 'application/json', authorization: `Bearer ${attacked.token}` }, 'POST'))] : []), ...times(1000, () => frame(data, 0, 1, Buffer.from(' ')))]),
  'data on no stream': (socket) => flood(socket, 10, () => [frame(data, 0, 99, Buffer.alloc(10))]),
  'a frame larger than allowed': (socket) => flood(socket, 10, () => [frame(data, 0, 1, Buffer.alloc(100_000))]),
  'settings of the wrong length': (socket) => flood(socket, 10, () => [frame(settings, 0, 0, Buffer.alloc(5))]),
  'a header block that is none': (socket) => flood(socket, 10, (nth) => [frame(headers, flags.endHeaders, nth * 2 + 1, Buffer.alloc(200, 0xff))]),
};

for (const [what, run] of Object.entries(ended)) {
  test(`HTTP/2: ${what}: the connection is ended, memory is bounded and others are served`, async () => {
    const harm = await attack(run);
    assert.equal(harm.cut, connections);
    assert.ok(harm.peakMiB < 150, `${harm.peakMiB} MiB more`);
  });
}

/** Floods that may go on as long as they cost little. */
const borne: Record<string, (socket: Socket) => Promise<'cut' | 'sent'>> = {
  'headers that unpack to many times their size': (socket) => flood(socket, 40, (nth) => [frame(headers, flags.endHeaders | flags.endStream, nth * 2 + 1, Buffer.concat([requestHeaders('/v1/promises'), literal('x', 'y'.repeat(3900), true), ...times(12_000, () => indexed(62))]))]),
  'settings': (socket) => flood(socket, 200, () => times(500, (index) => frame(settings, 0, 0, setting(4, 1000 + index)))),
  'pings': (socket) => flood(socket, 200, () => times(500, () => frame(ping, 0, 0, Buffer.alloc(8)))),
  'priorities': (socket) => flood(socket, 200, (nth) => times(500, (index) => frame(priority, 0, streamOf(nth, index, 500), Buffer.concat([word(0), Buffer.from([1])])))),
  'data that holds nothing': (socket) => flood(socket, 200, (nth) => [...(nth === 0 ? [frame(headers, flags.endHeaders, 1, requestHeaders('/v1/promises', { 'content-type': 'application/json' }, 'POST'))] : []), ...times(500, () => frame(data, 0, 1))]),
  'frames of unknown types': (socket) => flood(socket, 200, () => times(300, (index) => frame(20 + (index % 200), 255, 0, Buffer.alloc(20)))),
  'goodbyes of which it has many': (socket) => flood(socket, 100, () => times(300, () => frame(goAway, 0, 0, Buffer.concat([word(0), word(0), Buffer.alloc(100)])))),
  'headers without a name or a method': (socket) => flood(socket, 10, (nth) => times(50, (index) => frame(headers, flags.endHeaders | flags.endStream, streamOf(nth, index, 50), Buffer.concat([literal('', 'x'), literal('y', '')])))),
  'answers that it does not read': (socket) => (socket.pause(), flood(socket, 30, () => times(500, () => frame(ping, 0, 0, Buffer.alloc(8))))),
};

for (const [what, run] of Object.entries(borne)) {
  test(`HTTP/2: a flood of ${what} costs little memory, and others are served`, async () => {
    const harm = await attack(run);
    assert.ok(harm.peakMiB < 150, `${harm.peakMiB} MiB more`);
  });
}

test('HTTP/2: streams left open or without room for their answers use no processor time, and go with their connection', async () => {
  const noRoom = setting(4, 0);
  const authorization = `Bearer ${attacked.token}`;
  const harm = await attacked.during(async () => {
    const sockets = await Promise.all(times(8, () => openHttp2(noRoom)));
    for (const [index, socket] of sockets.entries()) {
      const ends = index % 2 === 0;
      await send(socket, Buffer.concat(times(200, (nth) => frame(headers, flags.endHeaders | (ends ? flags.endStream : 0), nth * 2 + 1, requestHeaders('/v1/promises', { authorization }, ends ? 'GET' : 'POST')))));
    }
    await sleep(1000);
    cut(sockets);
  });
  assert.ok(harm.peakMiB < 250, `${harm.peakMiB} MiB more`);
  const idle = await attacked.restlessness();
  const sockets = await Promise.all(times(20, () => openHttp2(noRoom)));
  for (const socket of sockets) await send(socket, Buffer.concat(times(20, (nth) => request(nth * 2 + 1, nth % 2 === 0, { authorization }))));
  await sleep(1500);
  const busy = await attacked.restlessness();
  cut(sockets);
  assert.ok(busy < idle + 300, `${busy} ms of a second, ${idle} ms without`);
});
