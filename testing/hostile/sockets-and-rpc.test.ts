import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { Code } from '@connectrpc/connect';
import fc from 'fast-check';
import { signIn } from '../sign-in.ts';
import { Attacked } from './attacked.ts';
import { cut, openMany, openRaw, received, send } from './raw-connection.ts';

let attacked: Attacked;
before(async () => (attacked = await Attacked.start()));
after(() => attacked.stop());

const upgrade = (extensions = '') => `GET /v1/socket HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: ${randomBytes(16).toString('base64')}\r\n${extensions}\r\n`;

async function openSocket() {
  const socket = await openRaw(attacked.port);
  socket.write(upgrade());
  assert.match(String((await once(socket, 'data'))[0]), /^HTTP\/1\.1 101 /);
  return socket;
}

/** A frame of a client (RFC 6455 §5.2) with a mask of zeros, of a length that may be a lie. */
function masked(opcode: number, payload: Uint8Array, { last = true, claims = payload.length } = {}): Buffer {
  const head = Buffer.alloc(10);
  head[0] = (last ? 0x80 : 0) | opcode;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(claims), 2);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

const text = (value: string) => masked(1, Buffer.from(value));

/** Each must end with the connection cut, since nothing right can follow. */
const wrong: Record<string, () => Buffer[]> = {
  'a frame that claims to be giant': () => [masked(1, Buffer.alloc(0), { claims: 2 ** 52 })],
  'a frame over the limit': () => [masked(1, Buffer.alloc(1024 * 1024 + 1, 0x61))],
  'fragments that never end': () => [masked(1, Buffer.alloc(100), { last: false }), ...Array.from({ length: 40 }, () => masked(0, Buffer.alloc(64 * 1024), { last: false }))],
  'text that is not UTF-8': () => [masked(1, Buffer.from([0xff, 0xfe, 0xc0]))],
  'compression that was not agreed on': () => [Buffer.concat([Buffer.from([0xc1, 0x80]), Buffer.alloc(4)])],
  'an opcode that is none': () => [masked(5, Buffer.alloc(1))],
  'a ping over 125 bytes': () => [masked(9, Buffer.alloc(200))],
  'a frame without mask': () => [Buffer.from([0x81, 0x01, 0x61])],
};

for (const [what, frames] of Object.entries(wrong)) {
  test(`WebSocket: ${what}: the connection is closed, memory is bounded`, async () => {
    const harm = await attacked.during(async () => {
      const sockets = await Promise.all(Array.from({ length: 20 }, openSocket));
      await Promise.all(sockets.map(async (socket) => {
        const end = received(socket);
        for (const bytes of frames()) await send(socket, bytes);
        await end;
      }));
    });
    assert.ok(harm.peakMiB < 150, `${harm.peakMiB} MiB more`);
  });
}

test('WebSocket: compression is not offered, however it is asked for', async () => {
  const socket = await openRaw(attacked.port);
  socket.write(upgrade('sec-websocket-extensions: permessage-deflate; client_max_window_bits\r\n'));
  const answer = String((await once(socket, 'data'))[0]);
  socket.destroy();
  assert.doesNotMatch(answer, /sec-websocket-extensions/i);
});

test('WebSocket: a thousand that wait use no processor time; floods of pings, nonsense and calls whose answers nobody reads are borne', async () => {
  const idle = await attacked.restlessness();
  const waiting = await Promise.all(Array.from({ length: 1000 }, openSocket));
  await sleep(300);
  const busy = await attacked.restlessness();
  cut(waiting);
  assert.ok(busy < idle + 300, `${busy} ms of a second, ${idle} ms without`);
  const floods = [masked(9, Buffer.from('ping')), text('nonsense'), text('{"id":"x","call":"none.Such/Method"}'), text('{"id":"1","call":"mod.promist.v1.PromisesService/ListPromises"}')];
  const harm = await attacked.during(async () => {
    const sockets = await Promise.all(floods.flatMap((bytes) => Array.from({ length: 5 }, async () => ({ socket: await openSocket(), bytes }))));
    await Promise.all(sockets.map(async ({ socket, bytes }) => {
      socket.pause();
      const many = Buffer.concat(Array.from({ length: 200 }, () => bytes));
      for (let sent = 0; sent < 50 && !socket.destroyed; sent++) await Promise.race([send(socket, many), sleep(50)]);
    }));
    cut(sockets.map(({ socket }) => socket));
  });
  assert.ok(harm.peakMiB < 350, `${harm.peakMiB} MiB more`);
});

const method = '/mod.promist.v1.PromisesService/CreatePromise';
const envelope = (flag: number, claims: number, content: Uint8Array) => {
  const head = Buffer.alloc(5);
  head[0] = flag;
  head.writeUInt32BE(claims, 1);
  return Buffer.concat([head, content]);
};

/** The status that a gRPC call of somebody who is signed in is answered with, with this body; -1 for none. */
async function grpc(authorization: string, body: Buffer, encoding?: string): Promise<number> {
  const session = connect(attacked.address).on('error', () => {});
  try {
    const call = session.request({ ':method': 'POST', ':path': method, 'content-type': 'application/grpc', te: 'trailers', authorization, ...(encoding && { 'grpc-encoding': encoding }) }).on('error', () => {}).resume();
    let status: unknown = -1;
    // An answer without a message says it in its headers.
    for (const event of ['response', 'trailers'] as const) call.on(event, (headers: Record<string, unknown>) => (status = headers['grpc-status'] ?? status));
    const closed = once(call, 'close', { signal: AbortSignal.timeout(20_000) });
    call.end(body);
    await closed;
    return Number(status);
  } finally {
    session.destroy();
  }
}

test('gRPC and Connect: lengths that lie and bodies that unpack to gigabytes are refused in bounded memory', async () => {
  const bomb = gzipSync(Buffer.alloc(256 * 1024 * 1024));
  // The door reads nothing of others.
  const authorization = `Bearer ${await signIn(attacked.address, 'ada@acme.test')}`;
  const harm = await attacked.during(async () => {
    const { InvalidArgument, ResourceExhausted } = Code;
    const bodies: [claims: string, body: Buffer, plain: Code, packed: Code][] = [
      ['4 GiB', envelope(0, 0xffff_ffff, Buffer.alloc(10)), ResourceExhausted, ResourceExhausted],
      ['more than there is', envelope(0, 100, Buffer.alloc(10)), InvalidArgument, InvalidArgument],
      ['to be packed', envelope(1, 10, Buffer.alloc(10)), InvalidArgument, InvalidArgument],
      // Packed or not, nothing is an empty message: a promise without a title.
      ['every flag', envelope(255, 0, Buffer.alloc(0)), InvalidArgument, InvalidArgument],
      ['half a head', Buffer.from([0]), InvalidArgument, InvalidArgument],
    ];
    await Promise.all(bodies.map(async ([claims, body, plain, packed]) => assert.deepEqual([await grpc(authorization, body), await grpc(authorization, body, 'gzip')], [plain, packed], claims)));
    const bombs = await Promise.all(Array.from({ length: 8 }, () => grpc(authorization, envelope(1, bomb.length, bomb), 'gzip')));
    assert.deepEqual(new Set(bombs), new Set([ResourceExhausted]));
    for (const [encoding, content] of [['gzip', bomb], ['gzip', Buffer.from('no gzip')], ['none-such', Buffer.from('{}')], ['br', Buffer.from('no brotli')]] as const) {
      const response = await fetch(attacked.address + method, { method: 'POST', headers: { 'content-type': 'application/json', 'content-encoding': encoding, authorization }, body: content });
      const { code } = (await response.json()) as { code: string };
      assert.ok(['resource_exhausted', 'invalid_argument', 'unimplemented'].includes(code), `${encoding}: ${code}`);
    }
  });
  assert.ok(harm.peakMiB < 300, `${harm.peakMiB} MiB more`);
});

const methodLine = fc.constantFrom('GET / HTTP/1.1\r\n', 'POST /v1/promises HTTP/1.1\r\nhost: a\r\n', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', '');
const tokens = fc.array(fc.constantFrom('\r\n', '\r\n\r\n', ': ', 'host', 'content-length: 5', 'transfer-encoding: chunked', '0\r\n\r\n', '\0', '\xff', 'x', ' ', '\n', '\x16\x03\x01', '\x00\x00\x00\x04\x00\x00\x00\x00\x00'), { maxLength: 30 }).map((parts) => Buffer.from(parts.join(''), 'latin1'));
const rubbish = fc.tuple(methodLine, fc.oneof(fc.uint8Array({ maxLength: 400 }), tokens)).map(([start, rest]) => Buffer.concat([Buffer.from(start), rest]));

test('4,000 connections that send random bytes harm nobody', async () => {
  const seed = Number(process.env.MAINSTAY_SEED ?? Date.now());
  const samples = fc.sample(rubbish, { numRuns: 4000, seed });
  const harm = await attacked.during(async () => {
    for (let at = 0; at < samples.length; at += 100) {
      const sockets = await openMany(attacked.port, 100);
      sockets.forEach((socket, index) => socket.end(samples[at + index]!));
      await sleep(20);
      cut(sockets);
    }
  });
  assert.ok(harm.peakMiB < 150, `seed ${seed}: ${harm.peakMiB} MiB more`);
});
