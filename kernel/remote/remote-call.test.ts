/** What only two processes know: other peers, broken connections, stopping. The facts about every call are in `placement/parity.test.ts`. */
import assert from 'node:assert/strict';
import { createServer as createHttpServer, request as httpRequest } from 'node:http';
import { createServer, connect, type Server, type Socket } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test, type TestContext } from 'node:test';
import { Code, ConnectError, createClient as createStockClient } from '@connectrpc/connect';
import { connectNodeAdapter, createConnectTransport } from '@connectrpc/connect-node';
import { generate } from 'selfsigned';
import { reasonOf, violationsOf } from '../errors/define-errors.ts';
import { kernelErrors } from '../errors/kernel-errors.ts';
import { createClient } from '../placement/create-client.ts';
import { EchoService, Failure } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { echoService } from '../testing/echo.ts';
import { failureOf } from '../testing/failure-of.ts';
import { listen } from '../testing/listen.ts';
import { until } from '../testing/until.ts';
import { didNotRun } from './not-run.ts';
import { readPeerTls, type PeerTls } from './peer-tls.ts';
import { RemoteTransport } from './remote-transport.ts';
import type { PeerServerOptions } from './serve-peers.ts';
import { clientOf, serveEcho } from './testing/serve-echo.ts';

const limit = 4096;
/** Takes only small messages. */
const serve = (t: TestContext, options: Partial<PeerServerOptions> = {}) => serveEcho(t, { bodyLimitBytes: limit, ...options });
const path = (method: string) => `/${EchoService.typeName}/${method}`;

/** A TCP server that treats connections as it is told. */
async function peerThat(t: TestContext, treat: (socket: Socket) => void): Promise<{ address: string; server: Server; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    treat(socket);
  });
  const address = await listen(server);
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { address, server, sockets };
}

/** Sends bytes and gives all that comes back until the connection ends. */
function exchange(port: number, ...pieces: (string | Buffer)[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let received = '';
    socket.on('data', (bytes: Buffer) => (received += bytes.toString('latin1'))).on('close', () => resolve(received)).on('error', reject);
    const next = () => {
      const piece = pieces.shift();
      if (piece !== undefined) socket.write(piece, () => setTimeout(next, 5));
    };
    next();
  });
}

for (const httpVersion of ['1.1', '2'] as const) {
  for (const useBinaryFormat of [true, false]) {
    test(`the library’s own client is answered, over HTTP/${httpVersion} in ${useBinaryFormat ? 'binary' : 'JSON'}`, async (t) => {
      const { server, watch } = await serve(t);
      const client = createStockClient(EchoService, createConnectTransport({ baseUrl: server.address, httpVersion, useBinaryFormat }));
      assert.equal((await client.echo({ text: 'a' }, { headers: { 'echo-header': 'x' } })).text, 'a');
      assert.equal(watch.context!.requestHeader.get('echo-header'), 'x');
      const error = await failureOf(client.echo({ text: 'a', failure: Failure.KNOWN }));
      assert.deepEqual([error.code, reasonOf(error), violationsOf(error).map(({ field }) => field), error.metadata.get('echo-metadata')], [Code.FailedPrecondition, 'testing.ECHO_REFUSED', ['text'], 'kept']);
      const numbers: number[] = [];
      for await (const { number } of client.count({ to: 3 })) numbers.push(number);
      assert.deepEqual(numbers, [1, 2, 3]);
    });
  }
}

test('the library’s own server answers, with headers, trailers and the details of errors', async (t) => {
  const server = createHttpServer(connectNodeAdapter({ routes: (router) => void router.service(EchoService, echoService()) }));
  const client = clientOf(t, await listen(server));
  t.after(() => (server.closeAllConnections(), server.close()));
  const seen: (string | null)[] = [];
  for (let call = 0; call < 3; call++) {
    const { text } = await client.echo({ text: 'a'.repeat(200) }, { headers: { 'echo-header': 'x' }, timeoutMs: 5000, onHeader: (header) => seen.push(header.get('echo-header')), onTrailer: (trailer) => seen.push(trailer.get('echo-trailer')) });
    assert.equal(text.length, 200);
  }
  assert.deepEqual(seen, ['x', 'x', 'x', 'x', 'x', 'x']);
  const error = await failureOf(client.echo({ text: 'a', failure: Failure.KNOWN }));
  assert.deepEqual([error.code, reasonOf(error), violationsOf(error).map(({ field }) => field)], [Code.FailedPrecondition, 'testing.ECHO_REFUSED', ['text']]);
});

test('a request that is none gets a proper error', async (t) => {
  const { server, watch } = await serve(t);
  const send = (method: string, at: string, headers: Record<string, string>, body: string | Buffer) => new Promise<{ status: number; text: string; type: string | undefined }>((resolve, reject) => {
    const sent = httpRequest({ port: server.port, host: '127.0.0.1', method, path: at, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk)).on('end', () => resolve({ status: response.statusCode!, text, type: response.headers['content-type'] }));
    });
    sent.on('error', reject).end(body);
  });
  const proto = { 'content-type': 'application/proto' };
  assert.equal((await send('POST', path('Echo'), { 'content-type': 'text/plain' }, 'x')).status, 415);
  assert.equal((await send('PUT', path('Echo'), proto, 'x')).status, 405);
  const nowhere = await send('POST', '/no.such.Service/Method', proto, '');
  assert.deepEqual([nowhere.status, nowhere.type, (JSON.parse(nowhere.text) as { code: string }).code], [501, 'application/json', 'unimplemented']);
  const lean = (headers: string, body: string | Buffer = '') => exchange(server.port, `POST ${path('Echo')} HTTP/1.1\r\nhost: x\r\ncontent-type: application/proto\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n`, body);
  // Each of them ends the connection, or else this would wait for ever.
  const garbled = await Promise.race([lean('', Buffer.from([0x0a, 0xff])), firstAnswer(server.port, Buffer.from([0x0a, 0xff]))]);
  assert.match(garbled, /^HTTP\/1\.1 400 [^]*"code":"invalid_argument"[^]*not valid protobuf/);
  assert.match(await lean('connect-timeout-ms: soon\r\n'), /^HTTP\/1\.1 400 [^]*connect-timeout-ms/);
  assert.match(await lean(`x: ${'y'.repeat(140_000)}\r\n`), /^HTTP\/1\.1 431 /);
  assert.match(await lean('transfer-encoding: chunked\r\n'), /^HTTP\/1\.1 400 /);
  assert.match(await exchange(server.port, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /);
  assert.ok(!watch.context, 'the handler ran');
});

/** The answer to a request on a connection that stays open. */
function firstAnswer(port: number, body: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1').on('error', reject);
    socket.once('data', (bytes: Buffer) => (resolve(bytes.toString('latin1')), socket.destroy()));
    socket.write(Buffer.concat([Buffer.from(`POST ${path('Echo')} HTTP/1.1\r\nhost: x\r\ncontent-type: application/proto\r\ncontent-length: ${body.length}\r\n\r\n`), body]));
  });
}

test('a call of which nobody says who makes it is refused, unary or stream', async (t) => {
  const arrive = () => { throw kernelErrors.UNAUTHENTICATED({ because: 'nobody said who calls' }); };
  const { server, watch } = await serve(t, { arrive });
  const late = await serve(t, { arrive: async () => arrive() });
  for (const client of [clientOf(t, server.address), clientOf(t, late.server.address)]) {
    assert.equal((await failureOf(client.echo({ text: 'a' }))).code, Code.Unauthenticated);
    assert.equal((await failureOf(client.count({ to: 1 })[Symbol.asyncIterator]().next())).code, Code.Unauthenticated);
  }
  assert.ok(!watch.context && !late.watch.context, 'the handler ran');
});

test('a message may be as large as the limit, and no larger', async (t) => {
  const { server } = await serve(t);
  const client = clientOf(t, server.address);
  const bytesValue = new Uint8Array(limit - 100);
  assert.equal((await client.echo({ text: 'a', specimen: { bytesValue } })).specimen!.bytesValue.length, limit - 100);
  const error = await failureOf(client.echo({ text: 'a', specimen: { bytesValue: new Uint8Array(limit + 1) } }));
  assert.deepEqual([error.code, reasonOf(error)], [Code.ResourceExhausted, 'kernel.BODY_TOO_LARGE']);
  assert.equal((await client.echo({ text: 'again' })).text, 'again');
});

test('a header of a caller can not begin another one', async (t) => {
  const { server } = await serve(t);
  const client = clientOf(t, server.address, { depart: (_call, header) => { header['x'] = 'a\r\nmainstay-caller: me'; } });
  assert.equal((await failureOf(client.echo({ text: 'a' }))).code, Code.InvalidArgument);
});

test('a peer that accepts and never answers is waited for no longer than the deadline', async (t) => {
  const { address, sockets } = await peerThat(t, () => {});
  const error = await failureOf(clientOf(t, address).echo({ text: 'a' }, { timeoutMs: 100 }));
  assert.deepEqual([error.code, didNotRun(error)], [Code.DeadlineExceeded, false]);
  await until(() => [...sockets].every((socket) => socket.readableEnded || socket.destroyed || socket.resume() === undefined), 'the connection ends');
});

test('a call to a peer that nobody listens for did not run', async (t) => {
  const { address, server } = await peerThat(t, () => {});
  await new Promise((resolve) => server.close(resolve));
  const error = await failureOf(clientOf(t, address).echo({ text: 'a' }));
  assert.deepEqual([error.code, didNotRun(error)], [Code.Unavailable, true]);
});

test('of a call whose connection breaks nobody knows whether it ran', async (t) => {
  const answers = ['', 'HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\ncontent-length: 10\r\n\r\nabc', 'HTTP/1.1 2'];
  for (const answer of answers) {
    const { address } = await peerThat(t, (socket) => void socket.once('data', () => socket.end(answer)));
    const error = await failureOf(clientOf(t, address).echo({ text: 'a' }));
    assert.deepEqual([error.code, didNotRun(error), error.isWireError], [Code.Unavailable, false, false], answer);
  }
});

test('an answer that is no answer is an error, and its connection is not used again', async (t) => {
  const nonsense = ['hello\r\n\r\n', 'HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 2\r\n\r\nhi', 'HTTP/1.1 200 OK\r\ncontent-type: application/proto\r\ncontent-length: 1\r\n\r\n\x0a', 'HTTP/1.1 502 Bad\r\ncontent-type: text/html\r\ncontent-length: 0\r\n\r\n', 'HTTP/1.1 500 Bad\r\ncontent-type: application/json\r\ncontent-length: 1\r\n\r\n{'];
  for (const answer of nonsense) {
    const { address } = await peerThat(t, (socket) => void socket.on('data', () => socket.write(answer)));
    const error = await failureOf(clientOf(t, address).echo({ text: 'a' }));
    assert.ok([Code.Internal, Code.Unavailable, Code.Unknown].includes(error.code), `${answer}: ${error.message}`);
    assert.equal(didNotRun(error), false);
  }
});

test('a connection that a peer ended while it rested is not used again', async (t) => {
  const { server } = await serve(t);
  const between = await peerThat(t, (socket) => {
    const inner = connect(server.port, '127.0.0.1').on('error', () => {});
    socket.pipe(inner).pipe(socket);
  });
  const client = clientOf(t, between.address);
  await client.echo({ text: 'a' });
  for (const socket of between.sockets) socket.destroy();
  await until(() => [...between.sockets].every(({ destroyed }) => destroyed));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal((await client.echo({ text: 'b' })).text, 'b');
});

test('connections to a peer that is gone without a word are not used again after one of them was waited for in vain', async (t) => {
  const { server, watch } = await serve(t);
  let isGone = false;
  const between = await peerThat(t, (socket) => {
    const inner = connect(server.port, '127.0.0.1').on('error', () => {});
    const born = !isGone;
    socket.on('data', (bytes: Buffer) => void (born && isGone ? undefined : inner.write(bytes)));
    inner.pipe(socket);
  });
  const client = clientOf(t, between.address);
  const both = [client.echo({ text: 'a', delayMs: 50 }), client.echo({ text: 'b', delayMs: 50 })];
  await until(() => watch.running === 2);
  await Promise.all(both);
  isGone = true;
  assert.equal((await failureOf(client.echo({ text: 'c' }, { timeoutMs: 100 }))).code, Code.DeadlineExceeded);
  assert.equal((await client.echo({ text: 'd' }, { timeoutMs: 5000 })).text, 'd');
});

test('a call that takes long goes on as long as the peer says that it is at work, alone on a connection or not; one to a peer that says nothing is given up', async (t) => {
  const slow = await serve(t, { bodyLimitBytes: 200_000 });
  const silent = await peerThat(t, () => {});
  const client = clientOf(t, slow.server.address);
  const patient = Promise.all([client.echo({ text: 'long', delayMs: 4500 }), client.echo({ text: 'long', delayMs: 4500, specimen: { bytesValue: new Uint8Array(100_000) } })]);
  const error = await failureOf(clientOf(t, silent.address).echo({}));
  assert.equal(error.code, Code.Unavailable);
  assert.match(error.rawMessage, /said nothing for too long/);
  // It never said that it would take a call.
  assert.equal(didNotRun(error), true);
  assert.deepEqual((await patient).map(({ text }) => text), ['long', 'long']);
});

test('calls beyond the connections that there may be wait for one of them, or for their deadline', async (t) => {
  const { server, watch } = await serve(t);
  const client = clientOf(t, server.address, { connections: 2 });
  const slow = [client.echo({ text: 'a', delayMs: 300 }), client.echo({ text: 'b', delayMs: 300 })];
  await until(() => watch.running === 2);
  const error = await failureOf(client.echo({ text: 'c' }, { timeoutMs: 20 }));
  assert.equal(error.code, Code.DeadlineExceeded);
  const { text } = await client.echo({ text: 'd' });
  assert.deepEqual([text, (await Promise.all(slow)).map((answer) => answer.text)], ['d', ['a', 'b']]);
});

test('a peer that stops answers what it began, and nothing that it did not begin is lost', async (t) => {
  let { server } = await serve(t);
  const address = server.address;
  const port = server.port;
  const client = clientOf(t, address);
  let stop = false;
  const failures: ConnectError[] = [];
  let answered = 0;
  const worker = async () => {
    while (!stop) {
      try {
        await client.createEcho({ text: 'a' });
        answered++;
      } catch (error) {
        // What did not run may be made again, whatever it is.
        if (!didNotRun(error)) failures.push(error as ConnectError);
        else await new Promise((resolve) => setTimeout(resolve, 2));
      }
    }
  };
  const slow = client.echo({ text: 'slow', delayMs: 200 });
  const workers = Array.from({ length: 16 }, worker);
  for (let restart = 0; restart < 5; restart++) {
    const before = answered;
    await until(() => answered > before + 50);
    await server.drain();
    await server.close();
    ({ server } = await serve(t, { port }));
  }
  const before = answered;
  await until(() => answered > before + 50);
  stop = true;
  await Promise.all(workers);
  assert.equal((await slow).text, 'slow');
  assert.deepEqual(failures.map(String), []);
});

test('a peer that stops ends the streams that still run', async (t) => {
  const { server, watch } = await serve(t);
  const stream = clientOf(t, server.address).count({ to: 100_000, delayMs: 5 })[Symbol.asyncIterator]();
  await stream.next();
  const ended = failureOf((async () => { while (!(await stream.next()).done); })());
  await server.drain();
  const error = await ended;
  assert.deepEqual([error.code, didNotRun(error)], [Code.Unavailable, false]);
  await until(() => watch.running === 0);
});

test('streams that send much at once leave each other alone', async (t) => {
  const { server } = await serve(t, { bodyLimitBytes: 1 << 20 });
  const client = clientOf(t, server.address);
  const text = 'a'.repeat(900_000);
  const said = Array.from({ length: 30 }, async () => {
    const heard: number[] = [];
    for await (const answer of client.converse((async function* () { yield { text }; yield { text }; })())) heard.push(answer.text.length);
    return heard;
  });
  assert.deepEqual(await Promise.all(said), said.map(() => [text.length, text.length]));
});

test('a caller that goes without a word frees the handler', async (t) => {
  const { server, watch } = await serve(t);
  const transport = new RemoteTransport({ address: server.address, depart: () => {} });
  const failure = failureOf(createClient(EchoService, transport).echo({ text: 'a', delayMs: 20_000 }));
  await until(() => watch.running === 1);
  await transport.close();
  assert.equal((await failure).code, Code.Unavailable);
  await until(() => watch.running === 0);
  assert.equal(watch.context!.signal.aborted, true);
});

test('requests that were sent one behind the other are answered in their order', async (t) => {
  const { server } = await serve(t);
  const body = Buffer.from([0x0a, 1, 0x61]);
  const one = (last: boolean) => Buffer.concat([Buffer.from(`POST ${path('Echo')} HTTP/1.1\r\nhost: x\r\ncontent-type: application/proto\r\n${last ? 'connection: close\r\n' : ''}content-length: ${body.length}\r\n\r\n`), body]);
  const all = Buffer.concat([one(false), one(false), one(true)]);
  for (const at of [1, 30, 100, 200, all.length]) {
    const text = await exchange(server.port, all.subarray(0, at), all.subarray(at));
    assert.equal(text.match(/HTTP\/1\.1 200/g)?.length, 3, `cut at ${at}`);
  }
});

const folder = mkdtempSync(join(tmpdir(), 'peer-tls-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** An authority, and what it signed. */
async function authority() {
  const ca = await generate([{ name: 'commonName', value: 'authority' }], { keyType: 'ec', algorithm: 'sha256', extensions: [{ name: 'basicConstraints', cA: true, critical: true }, { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true }] });
  const sign = async (): Promise<PeerTls> => {
    const signed = await generate([{ name: 'commonName', value: 'process' }], { keyType: 'ec', algorithm: 'sha256', ca: { key: ca.private, cert: ca.cert }, extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] }] });
    return { certificate: signed.cert, key: signed.private, authority: ca.cert };
  };
  return sign;
}

test('processes that show certificates of one authority call each other, and nobody else does', async (t) => {
  const [sign, signElsewhere] = [await authority(), await authority()];
  const { server, watch } = await serve(t, { tls: await sign() });
  assert.match(server.address, /^https:/);
  const client = clientOf(t, server.address, { tls: await sign() });
  assert.equal((await client.echo({ text: 'a' })).text, 'a');
  const numbers: number[] = [];
  for await (const { number } of client.count({ to: 2 })) numbers.push(number);
  assert.deepEqual(numbers, [1, 2]);
  delete watch.context;
  const stranger = await signElsewhere();
  const trusting = { ...stranger, authority: (await sign()).authority };
  for (const [address, tls] of [[server.address, stranger], [server.address, trusting], [server.address.replace('https', 'http'), undefined]] as const) {
    const other = clientOf(t, address, tls && { tls });
    assert.equal((await failureOf(other.echo({ text: 'a' }, { timeoutMs: 5000 }))).code, Code.Unavailable);
    assert.ok(await failureOf(other.count({ to: 1 }, { timeoutMs: 5000 })[Symbol.asyncIterator]().next()));
  }
  assert.ok(!watch.context, 'a handler ran');
});

test('the files of certificates are read beside the deployment file, and each that is missing is named', async () => {
  const tls = await (await authority())();
  for (const [name, text] of Object.entries(tls)) writeFileSync(join(folder, `${name}.pem`), text);
  const files = { certificate: 'certificate.pem', key: 'key.pem', authority: 'authority.pem' };
  assert.deepEqual(readPeerTls(join(folder, 'demo.yaml'), files), tls);
  assert.throws(() => readPeerTls(join(folder, 'demo.yaml'), { ...files, key: 'none.pem', authority: 'nowhere.pem' }), /calls\.tls\.key: none\.pem[^]*calls\.tls\.authority: nowhere\.pem/);
});
