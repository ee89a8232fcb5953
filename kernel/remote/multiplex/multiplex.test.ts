/** Many calls on one connection: that it is HTTP/2 as others speak it, and what only those who share a connection can do to each other. The facts about every call are in `placement/parity.test.ts`. */
import assert from 'node:assert/strict';
import { connect as connectHttp2, constants, createServer as createHttp2Server, type ClientHttp2Session, type Http2Server, type IncomingHttpHeaders, type OutgoingHttpHeaders, type SecureServerOptions, type ServerHttp2Session } from 'node:http2';
import { connect, createServer, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, createClient as createStockClient } from '@connectrpc/connect';
import { connectNodeAdapter, createConnectTransport } from '@connectrpc/connect-node';
import fc from 'fast-check';
import { reasonOf } from '../../errors/define-errors.ts';
import { EchoRequestSchema, EchoResponseSchema, EchoService, Failure } from '../../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { echoService } from '../../testing/echo.ts';
import { failureOf } from '../../testing/failure-of.ts';
import { listen } from '../../testing/listen.ts';
import { until } from '../../testing/until.ts';
import { didNotRun } from '../not-run.ts';
import { clientOf, serveEcho } from '../testing/serve-echo.ts';
import { errorCode, flag, frame, FRAME_HEAD, PREFACE, setting, settingsFrame, UNARY_CALLS_ALONE, writeFrameHead } from './frames.ts';

const MEGABYTE = 1 << 20;
const echoPath = `/${EchoService.typeName}/Echo`;

/** A server of Node’s own HTTP/2 with the library’s own handlers. */
async function serveStock(t: TestContext, settings: SecureServerOptions['settings'] = {}): Promise<{ address: string; server: Http2Server; sessions: Set<ServerHttp2Session> }> {
  const sessions = new Set<ServerHttp2Session>();
  const server = createHttp2Server({ settings }, connectNodeAdapter({ routes: (router) => void router.service(EchoService, echoService()) }));
  server.on('session', (session) => void sessions.add(session));
  const address = await listen(server);
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { address, server, sessions };
}

/** Node’s own HTTP/2 client, which says that it brings unary calls alone. */
function stockSession(t: TestContext, address: string, settings: object = {}): ClientHttp2Session {
  const session = connectHttp2(address, { settings: { enablePush: false, customSettings: { [UNARY_CALLS_ALONE]: 1 }, ...settings } });
  session.on('error', () => {});
  t.after(() => session.destroy());
  return session;
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

function ask(session: ClientHttp2Session, body: Uint8Array, headers: OutgoingHttpHeaders = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request({ ':method': 'POST', ':path': echoPath, 'content-type': 'application/proto', ...headers });
    let said: IncomingHttpHeaders = {};
    const parts: Buffer[] = [];
    stream.on('response', (given) => (said = given)).on('data', (part: Buffer) => parts.push(part)).on('error', reject);
    stream.on('end', () => resolve({ status: Number(said[':status']), headers: said, body: Buffer.concat(parts) }));
    stream.on('close', () => reject(new Error(`reset with ${stream.rstCode}`)));
    stream.end(body);
  });
}

const requestOf = (text: string, bytes = 0, delayMs = 0): Uint8Array => toBinary(EchoRequestSchema, create(EchoRequestSchema, { text, delayMs, specimen: { bytesValue: new Uint8Array(bytes).fill(7) } }));
const sizeIn = ({ body }: Answer): number => fromBinary(EchoResponseSchema, body).specimen!.bytesValue.length;

test('Node’s own HTTP/2 client is answered, with messages of any size, many at once', async (t) => {
  const { server } = await serveEcho(t);
  for (const settings of [{}, { initialWindowSize: 100, headerTableSize: 0 }, { initialWindowSize: 70_000, headerTableSize: 100 }]) {
    const session = stockSession(t, server.address, settings);
    const sizes = [0, 1, 100, 16_300, 16_384, 20_000, 70_000, 300_000];
    const answers = await Promise.all(sizes.flatMap((size) => [ask(session, requestOf('a', size)), ask(session, requestOf('b'.repeat(200), size, 5))]));
    assert.deepEqual(answers.map(({ status }) => status), answers.map(() => 200));
    assert.deepEqual(answers.map(sizeIn), sizes.flatMap((size) => [size, size]));
    assert.equal((await ask(session, new Uint8Array(0))).status, 200);
  }
  const session = stockSession(t, server.address, { initialWindowSize: MEGABYTE });
  for (let times = 0; times < 6; times++) assert.equal(sizeIn(await ask(session, requestOf('a', 4 * MEGABYTE))), 4 * MEGABYTE);
});

test('headers come as they were sent, however they were compressed', async (t) => {
  const { server, received } = await serveEcho(t);
  const session = stockSession(t, server.address);
  // All octets that a header may hold: each has a code of its own.
  const all = Array.from({ length: 256 }, (_, octet) => octet).filter((octet) => (octet >= 0x21 && octet !== 0x7f)).map((octet) => String.fromCharCode(octet)).join('');
  const value = fc.array(fc.constantFrom(...all), { minLength: 1, maxLength: 300 }).map((characters) => characters.join(''));
  const name = fc.stringMatching(/^x-[a-z0-9-]{1,20}$/);
  await ask(session, requestOf('a'), { 'x-all': all });
  assert.equal(received.at(-1)!.get('x-all'), all);
  await fc.assert(fc.asyncProperty(fc.dictionary(name, value, { maxKeys: 20, noNullPrototype: true }), async (headers) => {
    const { status } = await ask(session, requestOf('a'), headers);
    assert.equal(status, 200);
    for (const [key, given] of Object.entries(headers)) assert.equal(received.at(-1)!.get(key), given);
  }), { numRuns: 200 });
});

test('errors, headers and trailers come back, and what is no plain unary call is wanted over HTTP/1.1', async (t) => {
  const { server, watch } = await serveEcho(t);
  const session = stockSession(t, server.address);
  const { headers } = await ask(session, requestOf('a'), { 'echo-header': 'x' });
  assert.deepEqual([headers['echo-header'], headers['trailer-echo-trailer']], ['x', 'x']);
  const refused = await ask(session, toBinary(EchoRequestSchema, create(EchoRequestSchema, { text: 'a', failure: Failure.KNOWN })));
  assert.deepEqual([refused.status, refused.headers['content-type'], (JSON.parse(refused.body.toString()) as { code: string }).code], [400, 'application/json', 'failed_precondition']);
  assert.equal((await ask(session, Buffer.from([0x0a, 0xff]))).status, 400);
  const late = await ask(session, requestOf('a'), { 'connect-timeout-ms': 'soon' });
  assert.match(late.body.toString(), /connect-timeout-ms/);
  assert.match((await ask(session, requestOf('a', 0, 5000), { 'connect-timeout-ms': '20' })).body.toString(), /deadline_exceeded/);
  const before = watch.context;
  for (const other of [{ 'content-type': 'application/json' }, { ':path': '/no.such.Service/Method' }, { ':path': `/${EchoService.typeName}/Count`, 'content-type': 'application/connect+proto' }, { 'content-encoding': 'gzip' }, { ':method': 'PUT' }]) {
    await assert.rejects(ask(session, requestOf('a'), other), new RegExp(`HTTP_1_1_REQUIRED|reset with ${constants.NGHTTP2_HTTP_1_1_REQUIRED}`), JSON.stringify(other));
  }
  assert.equal(watch.context, before, 'a handler ran');
  assert.equal((await ask(session, requestOf('a'))).status, 200);
});

test('a message that is too large is refused while it comes, and its connection goes on', async (t) => {
  const { server } = await serveEcho(t, { bodyLimitBytes: 100_000 });
  const session = stockSession(t, server.address);
  const slow = ask(session, requestOf('slow', 10, 100));
  const { status, body } = await ask(session, requestOf('a', 3 * MEGABYTE)).catch((error: unknown) => ({ status: 0, body: Buffer.from(String(error)) }));
  // Node’s client gives the call up where it may not send the rest.
  assert.ok(status === 429 || status === 0, `${status} ${body.toString()}`);
  assert.equal((await slow).status, 200);
  assert.equal((await ask(session, requestOf('a', 10))).status, 200);
});

for (const settings of [{}, { initialWindowSize: 0x7fffffff, maxConcurrentStreams: 2 }, { initialWindowSize: 100, headerTableSize: 0 }, { headerTableSize: 120, maxHeaderListSize: 4000 }]) {
  test(`the library’s own server on Node’s own HTTP/2 is called, with ${JSON.stringify(settings)}`, async (t) => {
    const { address, sessions } = await serveStock(t, settings);
    const client = clientOf(t, address);
    const seen: (string | null)[] = [];
    const sizes = [0, 1, 5000, 60_000, 500_000, 4 * MEGABYTE];
    const answers = await Promise.all(sizes.map((size) => client.echo({ text: 'a'.repeat(200), delayMs: size === 1 ? 50 : 0, specimen: { bytesValue: new Uint8Array(Math.min(size, 60_000)) } }, { headers: { 'echo-header': `x${size}` }, timeoutMs: 20_000, onTrailer: (trailer) => seen.push(trailer.get('echo-trailer')) })));
    assert.deepEqual(answers.map(({ specimen }) => specimen!.bytesValue.length), sizes.map((size) => Math.min(size, 60_000)));
    assert.deepEqual(seen.toSorted(), sizes.map((size) => `x${size}`).toSorted());
    const error = await failureOf(client.echo({ text: 'a', failure: Failure.KNOWN }));
    assert.deepEqual([error.code, reasonOf(error), error.metadata.get('echo-metadata')], [Code.FailedPrecondition, 'testing.ECHO_REFUSED', 'kept']);
    assert.equal(sessions.size, 1);
  });
}

test('random calls end as they do over the library’s own transport, however they are mixed', async (t) => {
  const { server, watch } = await serveEcho(t);
  const ours = clientOf(t, server.address);
  const stock = createStockClient(EchoService, createConnectTransport({ baseUrl: server.address, httpVersion: '2', acceptCompression: [], nodeOptions: { maxSessionMemory: 1024 } }));
  const call = fc.record({
    text: fc.string({ maxLength: 60 }),
    bytes: fc.oneof({ weight: 6, arbitrary: fc.nat(2000) }, { weight: 2, arbitrary: fc.nat(200_000) }, { weight: 1, arbitrary: fc.nat(4 * MEGABYTE) }),
    delayMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(15)),
    failure: fc.constantFrom(Failure.UNSPECIFIED, Failure.UNSPECIFIED, Failure.UNSPECIFIED, Failure.KNOWN),
    startsAfterMs: fc.nat(8),
    // Far from when it would end, so that both transports agree.
    end: fc.constantFrom('answer', 'answer', 'answer', 'leave', 'late', 'gone'),
  });
  type Asked = typeof call extends fc.Arbitrary<infer T> ? T : never;
  const outcome = async (client: typeof ours, { text, bytes, delayMs, failure, startsAfterMs, end }: Asked): Promise<string> => {
    await sleep(startsAfterMs);
    const caller = new AbortController();
    if (end === 'gone') caller.abort();
    const waits = end === 'leave' || end === 'late' ? 30_000 : delayMs;
    const answer = client.echo({ text, delayMs: waits, failure, specimen: { bytesValue: new Uint8Array(bytes).fill(text.length) } }, { signal: caller.signal, timeoutMs: end === 'late' ? 300 : 20_000 });
    if (end === 'leave') setTimeout(() => caller.abort(), 40 + delayMs);
    return await answer.then(
      (message) => `${message.text} ${message.specimen!.bytesValue.length} ${message.specimen!.bytesValue.every((octet) => octet === text.length)}`,
      (error: unknown) => `${Code[ConnectError.from(error).code]} ${reasonOf(ConnectError.from(error)) ?? ''}`,
    );
  };
  await fc.assert(fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 25 }), async (calls) => {
    const [mine, theirs] = await Promise.all([Promise.all(calls.map((one) => outcome(ours, one))), Promise.all(calls.map((one) => outcome(stock, one)))]);
    assert.deepEqual(mine, theirs);
    await until(() => watch.running === 0, 'every handler ends');
  }), { numRuns: 15 });
});

test('a large answer that is read slowly, and a handler that takes long, hold up no other call', async (t) => {
  const { server, watch } = await serveEcho(t);
  const session = stockSession(t, server.address, { initialWindowSize: 1000 });
  const unread = session.request({ ':method': 'POST', ':path': echoPath, 'content-type': 'application/proto' });
  unread.end(requestOf('a', 2 * MEGABYTE));
  await new Promise((resolve) => unread.once('response', resolve));
  const long = ask(session, requestOf('a', 0, 30_000));
  long.catch(() => {});
  await until(() => watch.running === 1);
  for (let call = 0; call < 50; call++) assert.equal((await ask(session, requestOf('b'))).status, 200);
});

test('whoever leaves ends one call and no other', async (t) => {
  const { server, watch } = await serveEcho(t);
  const client = clientOf(t, server.address);
  const caller = new AbortController();
  const left = failureOf(client.echo({ text: 'a', delayMs: 30_000 }, { signal: caller.signal }));
  const late = failureOf(client.echo({ text: 'a', delayMs: 30_000 }, { timeoutMs: 60 }));
  const stays = client.echo({ text: 'stays', delayMs: 300 });
  await until(() => watch.running === 3);
  caller.abort();
  assert.equal((await left).code, Code.Canceled);
  assert.equal((await late).code, Code.DeadlineExceeded);
  await until(() => watch.running === 1);
  assert.equal((await stays).text, 'stays');
});

/** A peer that speaks HTTP/2 as it is told: gets each frame. */
async function peerThat(t: TestContext, treat: (socket: Socket, type: number, stream: number) => void): Promise<string> {
  const server = createServer((socket) => {
    let held = Buffer.alloc(0);
    let isGreeted = false;
    socket.on('error', () => {}).on('data', (bytes: Buffer) => {
      held = Buffer.concat([held, bytes]);
      if (!isGreeted) {
        assert.ok(held.subarray(0, PREFACE.length).equals(PREFACE));
        held = held.subarray(PREFACE.length);
        isGreeted = true;
        socket.write(settingsFrame([]));
      }
      while (held.length >= FRAME_HEAD && held.length >= FRAME_HEAD + held.readUIntBE(0, 3)) {
        const [type, stream] = [held[3]!, held.readUInt32BE(5)];
        held = held.subarray(FRAME_HEAD + held.readUIntBE(0, 3));
        treat(socket, type, stream);
      }
    });
    t.after(() => socket.destroy());
  });
  t.after(() => server.close());
  return listen(server);
}

function bytesOf(type: number, flags: number, stream: number, payload: Uint8Array = new Uint8Array(0)): Buffer {
  const head = Buffer.alloc(FRAME_HEAD);
  writeFrameHead(head, 0, payload.length, type, flags, stream);
  return Buffer.concat([head, payload]);
}

const numbers = (...values: number[]): Buffer => Buffer.concat(values.map((value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}));

test('what a peer refuses, or had not begun when it said good-bye, did not run; of what breaks nobody knows', async (t) => {
  const endings: [what: string, (stream: number) => Buffer, ran: boolean][] = [
    ['refused', (stream) => bytesOf(frame.RST_STREAM, 0, stream, numbers(errorCode.REFUSED_STREAM)), false],
    ['good-bye', () => bytesOf(frame.GOAWAY, 0, 0, numbers(0, errorCode.NO_ERROR)), false],
    ['given up', (stream) => bytesOf(frame.RST_STREAM, 0, stream, numbers(errorCode.INTERNAL_ERROR)), true],
    ['nonsense', () => bytesOf(frame.PUSH_PROMISE, 0, 1, numbers(2)), true],
    ['no status', (stream) => bytesOf(frame.HEADERS, flag.END_HEADERS | flag.END_STREAM, stream, Buffer.from([0x84])), true],
    ['a body without headers', (stream) => bytesOf(frame.DATA, flag.END_STREAM, stream, Buffer.from('a')), true],
    ['headers that mean nothing', (stream) => bytesOf(frame.HEADERS, flag.END_HEADERS, stream, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])), true],
  ];
  for (const [what, ending, mayHaveRun] of endings) {
    const address = await peerThat(t, (socket, type, stream) => void (type === frame.DATA && socket.write(ending(stream))));
    const error = await failureOf(clientOf(t, address).echo({ text: 'a' }));
    assert.deepEqual([error.code, didNotRun(error)], [Code.Unavailable, !mayHaveRun], `${what}: ${error.message}`);
  }
  const cut = await peerThat(t, (socket, type) => void (type === frame.DATA && socket.destroy()));
  assert.equal(didNotRun(await failureOf(clientOf(t, cut).echo({ text: 'a' }))), false);
});

test('a peer that says nothing more is found out, and of its calls nobody knows whether they ran', async (t) => {
  const error = await failureOf(clientOf(t, await peerThat(t, () => {})).echo({ text: 'a' }));
  assert.match(error.rawMessage, /said nothing for too long/);
  assert.deepEqual([error.code, didNotRun(error)], [Code.Unavailable, false]);
});

test('whatever comes over a connection, the port goes on, and a flood ends its connection alone', async (t) => {
  const { server } = await serveEcho(t);
  const client = clientOf(t, server.address);
  const greeting = Buffer.concat([PREFACE, settingsFrame([[UNARY_CALLS_ALONE, 1]])]);
  const open = (pieces: Uint8Array[], endsHere: boolean) => new Promise<void>((resolve) => {
    const socket = connect(server.port, '127.0.0.1', () => {
      socket.write(greeting);
      for (const piece of pieces) socket.write(piece);
      if (endsHere) socket.end();
    });
    socket.on('error', () => {}).on('close', () => resolve()).resume();
  });
  const frames = fc.array(fc.oneof(
    fc.tuple(fc.nat(11), fc.nat(255), fc.nat(6), fc.uint8Array({ maxLength: 40 })).map(([type, flags, stream, payload]) => bytesOf(type, flags, stream, payload)),
    fc.uint8Array({ maxLength: 60 }),
  ), { maxLength: 12 });
  await fc.assert(fc.asyncProperty(frames, (pieces) => open(pieces, true)), { numRuns: 300 });
  const request = bytesOf(frame.HEADERS, flag.END_HEADERS, 1, Buffer.from([0x83, 0x86, 0x84]));
  const cut = (...pieces: Uint8Array[]) => open(pieces, false);
  const many = (length: number, make: (at: number) => Uint8Array) => Buffer.concat(Array.from({ length }, (_, at) => make(at)));
  await cut(many(200_000, () => bytesOf(frame.PING, 0, 0, new Uint8Array(8))));
  await cut(bytesOf(frame.HEADERS, 0, 1, Buffer.from([0x83])), ...Array.from({ length: 20 }, () => bytesOf(frame.CONTINUATION, 0, 1, new Uint8Array(16_000))));
  await cut(many(100_000, (at) => Buffer.concat([bytesOf(frame.HEADERS, flag.END_HEADERS, at * 2 + 1, request.subarray(FRAME_HEAD)), bytesOf(frame.RST_STREAM, 0, at * 2 + 1, numbers(errorCode.CANCEL))])));
  await cut(request, many(1200, (at) => bytesOf(frame.DATA, 0, at * 2 + 1, new Uint8Array(16_000))));
  // One entry of the table, named again and again: as text it would be hundreds of megabytes.
  const entry = Buffer.concat([Buffer.from([0x40, 1, 0x78, 0x7f, 0xa1, 0x1e]), Buffer.alloc(4000, 0x79)]);
  await open([bytesOf(frame.HEADERS, flag.END_HEADERS, 1, Buffer.concat([entry, Buffer.alloc(12_000, 0xbe)]))], true);
  assert.equal((await client.echo({ text: 'a' })).text, 'a');
});

test('what a peer wants over HTTP/1.1, and what has longer headers than it takes, goes there', async (t) => {
  let asked = 0;
  const server = createServer((socket) => {
    t.after(() => socket.destroy());
    socket.on('error', () => {}).once('data', (first: Buffer) => {
      if (first.subarray(0, 4).toString() === 'POST') return void socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\ncontent-length: 3\r\nconnection: close\r\n\r\n\x0a\x01b');
      socket.write(settingsFrame([[setting.MAX_HEADER_LIST_SIZE, 2000]]));
      // The first request is the call with the number 1.
      socket.on('data', (bytes: Buffer) => void (bytes.includes(':echo-short') && (asked++, socket.write(bytesOf(frame.RST_STREAM, 0, 1, numbers(errorCode.HTTP_1_1_REQUIRED))))));
      socket.on('data', (bytes: Buffer) => void (bytes.includes('echo-long') && asked++));
    });
  });
  t.after(() => server.close());
  const client = clientOf(t, await listen(server));
  assert.equal((await client.echo({ text: 'a' }, { headers: { note: ':echo-short' }, timeoutMs: 5000 })).text, 'b');
  assert.equal(asked, 1);
  assert.equal((await client.echo({ text: 'a' }, { headers: { 'echo-long': 'y'.repeat(3000) }, timeoutMs: 5000 })).text, 'b');
  assert.equal(asked, 1);
});
