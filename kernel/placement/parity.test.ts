/**
 * One list of facts about calls, held against every transport: topology changes addresses, never behaviour.
 * Where the stock transports differ, gRPC decides what is right and a note says which one differs.
 */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { Socket } from 'node:net';
import { suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createContextKey, createContextValues, type Client, type Transport } from '@connectrpc/connect';
import { connectNodeAdapter, createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import fc from 'fast-check';
import { reasonOf, violationsOf } from '../errors/define-errors.ts';
import { callKey, runInCall, type Call } from '../guard/call.ts';
import type { Guard } from '../guard/guard.ts';
import type { Introduction } from '../guard/introduction.ts';
import { arrive, depart, kernelCall } from '../peers/peer-headers.ts';
import { RemoteTransport } from '../remote/remote-transport.ts';
import { servePeers } from '../remote/serve-peers.ts';
import { createLog } from '../telemetry/log.ts';
import { anySpecimen } from '../testing/any-specimen.ts';
import { EchoService, Failure, SpecimenSchema } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { echoService, type EchoWatch } from '../testing/echo.ts';
import { failureOf } from '../testing/failure-of.ts';
import { listen } from '../testing/listen.ts';
import { until } from '../testing/until.ts';
import { LeavingCaller } from './caller-leaving.ts';
import { createClient } from './create-client.ts';
import { endWithCall } from './end-with-call.ts';
import { InProcessRegistry } from './in-process-registry.ts';
import { moduleTransport } from './module-transport.ts';
import { servedMethods } from './served-method.ts';

interface World extends AsyncDisposable {
  client: Client<typeof EchoService>;
  watch: EchoWatch;
}
interface Connected extends World {
  transport: Transport;
}
type Fact = (world: World) => Promise<void>;

const foreignKey = createContextKey('nothing');

const facts: Record<string, Fact> = {
  async 'a message arrives as it was sent and comes back'({ client }) {
    await fc.assert(fc.asyncProperty(anySpecimen.filter(writableAsJson), async (init) => {
      const specimen = create(SpecimenSchema, init);
      assert.deepEqual((await client.echo({ text: 'a', specimen })).specimen, (await client.echo({ text: 'a', specimen: init })).specimen);
    }), { numRuns: 20 });
  },
  async 'headers and trailers reach the other side'({ client }) {
    assert.deepEqual(await headersOf((options) => client.echo({ text: 'a' }, options)), { header: 'hello', trailer: 'hello' });
  },
  async 'a stream’s headers come first and its trailers last'({ client }) {
    assert.deepEqual(await headersOf((options) => drain(client.count({ to: 3 }, options))), { header: 'hello', trailer: 'hello' });
  },
  async 'a known error keeps code, message, reason, violations and metadata'({ client }) {
    const error = await failureOf(client.echo({ text: 'a', failure: Failure.KNOWN }));
    assert.deepEqual(described(error), refusalOf('a'));
  },
  async 'a known error in mid-stream comes after the messages before it'({ client }) {
    const numbers: number[] = [];
    const error = await failureOf(drain(client.count({ to: 2, failure: Failure.KNOWN }), ({ number }) => numbers.push(number)));
    assert.deepEqual([numbers, described(error)], [[1, 2], refusalOf('numbers')]);
  },
  async 'the headers and trailers of a failed call are in its error’s metadata'({ client }) {
    const { metadata } = await failureOf(client.echo({ text: 'a', failure: Failure.KNOWN }, { headers: { 'echo-header': 'hello' } }));
    assert.deepEqual([metadata.get('echo-header'), metadata.get('echo-trailer')], ['hello', 'hello']);
  },
  async 'the text of a fault stays inside'({ client }) {
    for (const call of [() => client.echo({ text: 'a', failure: Failure.FAULT }), () => drain(client.count({ to: 1, failure: Failure.FAULT }))]) {
      const error = await failureOf(call());
      assert.deepEqual([error.code, error.rawMessage, error.details, error.cause], [Code.Internal, 'internal error', [], undefined]);
    }
  },
  async 'a handler sees how much time is left'({ client, watch }) {
    await client.echo({ text: 'a' }, { timeoutMs: 5_000 });
    assert.ok(watch.timeoutMs! > 3_000 && watch.timeoutMs! <= 5_000, `${watch.timeoutMs} ms`);
    await client.echo({ text: 'a' });
    assert.equal(watch.timeoutMs, undefined);
  },
  async 'a deadline ends a call, and its handler is told'({ client, watch }) {
    const error = await failureOf(client.echo({ text: 'a', delayMs: 20_000 }, { timeoutMs: 1000 }));
    assert.deepEqual([error.code, error.rawMessage], [Code.DeadlineExceeded, 'the operation timed out']);
    await freed(watch);
    assert.equal(watch.context!.signal.aborted, true);
  },
  async 'a deadline ends a stream in the middle, and its handler is told'({ client, watch }) {
    const numbers: number[] = [];
    const error = await failureOf(drain(client.count({ to: 1_000, delayMs: 20 }, { timeoutMs: 300 }), ({ number }) => numbers.push(number)));
    assert.equal(error.code, Code.DeadlineExceeded);
    assert.ok(numbers.length > 0 && numbers.length < 20, `${numbers.length} numbers`);
    await freed(watch);
  },
  async 'a deadline that has passed ends a call before it begins'({ client, watch }) {
    delete watch.context;
    for (const timeoutMs of [0, -5]) {
      assert.equal((await failureOf(client.echo({ text: 'a' }, { timeoutMs }))).code, Code.DeadlineExceeded);
      assert.equal((await failureOf(drain(client.count({ to: 1 }, { timeoutMs })))).code, Code.DeadlineExceeded);
    }
    assert.ok(!watch.context, 'the handler ran');
  },
  async 'a caller that aborted beforehand never reaches the handler'({ client, watch }) {
    delete watch.context;
    const signal = AbortSignal.abort();
    assert.equal((await failureOf(client.echo({ text: 'a' }, { signal }))).code, Code.Canceled);
    assert.equal((await failureOf(drain(client.count({ to: 1 }, { signal })))).code, Code.Canceled);
    await sleep(20);
    assert.ok(!watch.context, 'the handler ran');
  },
  async 'an aborted call is cancelled at once, and its handler is told'({ client, watch }) {
    const controller = new AbortController();
    const failure = failureOf(client.echo({ text: 'a', delayMs: 5_000 }, { signal: controller.signal }));
    await until(() => watch.running === 1);
    controller.abort();
    const { code, rawMessage } = await failure;
    assert.deepEqual([code, rawMessage], [Code.Canceled, 'This operation was aborted']);
    await freed(watch);
    assert.equal(watch.context!.signal.aborted, true);
  },
  async 'a stream aborted in the middle is cancelled, and its handler is told'({ client, watch }) {
    const controller = new AbortController();
    const error = await failureOf(drain(client.count({ to: 1_000, delayMs: 5 }, { signal: controller.signal }), ({ number }) => number === 3 && controller.abort()));
    assert.equal(error.code, Code.Canceled);
    await freed(watch);
  },
  async 'leaving a loop over a stream frees its handler'({ client, watch }) {
    for await (const { number } of client.count({ to: 100_000, delayMs: 1 })) if (number === 3) break;
    await freed(watch);
    assert.equal(watch.context!.signal.aborted, true);
  },
  async 'an exception in a loop over a stream frees its handler'({ client, watch }) {
    await assert.rejects(drain(client.count({ to: 100_000, delayMs: 1 }), () => { throw new Error('mine'); }), /mine/);
    await freed(watch);
  },
  async 'a handler’s signal is aborted when its call is over'({ client, watch }) {
    await client.echo({ text: 'a' });
    await until(() => watch.context!.signal.aborted);
    await drain(client.count({ to: 2 }));
    await until(() => watch.context!.signal.aborted);
  },
  async 'four megabytes cross in one message'({ client }) {
    const bytesValue = new Uint8Array(4 << 20).fill(7);
    const { specimen } = await client.echo({ text: 'a', specimen: { bytesValue } });
    assert.ok(Buffer.from(specimen!.bytesValue).equals(bytesValue));
  },
  async 'a slow reader holds the writer back'({ client, watch }) {
    watch.produced = 0;
    for await (const { number } of client.count({ to: 10_000, payloadBytes: 65_536 })) {
      if (number < 5) continue;
      await sleep(300);
      assert.ok(watch.produced < 300, `${watch.produced} messages were made for a reader of 5`);
      break;
    }
    await freed(watch);
  },
  async 'a stream ends, and stays ended'({ client }) {
    const iterator = client.count({ to: 1 })[Symbol.asyncIterator]();
    assert.equal((await iterator.next()).value?.number, 1);
    assert.deepEqual([(await iterator.next()).done, (await iterator.next()).done], [true, true]);
  },
  async 'caller and handler share no object'({ client, watch }) {
    const specimen = create(SpecimenSchema, { part: { name: 'mine' }, bytesValue: new Uint8Array([1]), strings: ['mine'] });
    const answer = await client.echo({ text: 'a', specimen });
    watch.specimen!.part!.name = 'theirs';
    watch.specimen!.bytesValue[0] = 2;
    watch.specimen!.strings.push('theirs');
    for (const mine of [specimen, answer.specimen!]) assert.deepEqual([mine.part!.name, mine.bytesValue[0], mine.strings], ['mine', 1, ['mine']]);
  },
  async 'a caller’s context values stay on its side'({ client, watch }) {
    await client.echo({ text: 'a' }, { contextValues: createContextValues().set(foreignKey, 'mine') });
    assert.equal(watch.context!.values.get(foreignKey), 'nothing');
  },
  async 'what a caller streams is added up'({ client }) {
    const { sum, count } = await client.sum((async function* () { for (const number of [1n, 2n, 2n ** 40n]) yield { number }; })());
    assert.deepEqual([sum, count], [2n ** 40n + 3n, 3]);
  },
  async 'a caller may stream nothing at all'({ client }) {
    const { sum, count } = await client.sum((async function* () {})());
    assert.deepEqual([sum, count], [0n, 0]);
  },
  /**
   * Its handler is not fooled in process and over HTTP/1.1. Over HTTP/2 Node ends a stream that is reset, so that
   * it looks complete: a contract whose requests must all arrive has to say so in its last one.
   */
  async 'a stream of requests that throws fails the call with what it threw'({ client, watch }) {
    const error = await failureOf(client.sum((async function* () { yield { number: 1n }; await sleep(20); throw new Error('my own fault'); })()));
    assert.deepEqual([error.code, error.rawMessage], [Code.Internal, 'my own fault']);
    await freed(watch);
  },
  async 'headers set after the first message are too late, trailers are not'({ client, watch }) {
    const seen: Headers[] = [];
    const options = { onHeader: (headers: Headers) => void seen.push(headers), onTrailer: (headers: Headers) => void seen.push(headers) };
    await drain(client.count({ to: 2, delayMs: 50 }, options), () => {
      watch.context!.responseHeader.set('late-header', 'late');
      watch.context!.responseTrailer.set('late-trailer', 'late');
    });
    assert.deepEqual([seen[0]!.get('late-header'), seen[1]!.get('late-trailer')], [null, 'late']);
  },
  /** The caller's side refuses it with `internal`; JSON writes it, and the server refuses it with `invalid_argument`. */
  async 'a message that does not fit its contract never reaches the handler'({ client, watch }) {
    const { code } = await failureOf(client.echo({ text: 'a', specimen: { int32Value: 1.5 } }));
    assert.ok(code === Code.Internal || code === Code.InvalidArgument, Code[code]);
    assert.ok(!watch.context, 'the handler ran');
  },
  async 'a stream of requests that never ends is ended by its deadline'({ client, watch }) {
    let released = false;
    const endless = async function* () {
      try {
        for (;;) { yield { number: 1n }; await sleep(5); }
      } finally {
        released = true;
      }
    };
    assert.equal((await failureOf(client.sum(endless(), { timeoutMs: 150 }))).code, Code.DeadlineExceeded);
    await freed(watch);
    await until(() => released);
  },
};

/** Both sides speak in turn, which HTTP/1.1 cannot do. */
const conversations: Record<string, Fact> = {
  async 'each thing said is answered before the next'({ client }) {
    const heard: string[] = [];
    const say = async function* () {
      for (const text of ['a', 'b', 'c']) { yield { text }; await until(() => heard.includes(text)); }
    };
    await drain(client.converse(say()), ({ text }) => heard.push(text));
    assert.deepEqual(heard, ['a', 'b', 'c']);
  },
  async 'a conversation fails with a known error'({ client, watch }) {
    const error = await failureOf(drain(client.converse((async function* () { yield { text: 'a' }; yield { text: 'fail' }; yield { text: 'b' }; })())));
    assert.deepEqual(described(error), refusalOf('fail'));
    await freed(watch);
  },
  async 'leaving a conversation frees the handler and the speaker'({ client, watch }) {
    let released = false;
    const say = async function* () {
      try {
        for (;;) { yield { text: 'a' }; await sleep(5); }
      } finally {
        released = true;
      }
    };
    for await (const { text } of client.converse(say())) if (text === 'a') break;
    await freed(watch);
    await until(() => released);
  },
};

/** Each fact gets a server of its own, so that a handler left behind spoils no other. */
const transports: Record<string, { world: () => Promise<World>; converses: boolean }> = {
  'in process': { world: inProcess, converses: true },
  'Connect, JSON over HTTP/1.1': { world: remote('1.1', (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '1.1', useBinaryFormat: false })), converses: false },
  'Connect, binary over HTTP/2': { world: remote('2', (baseUrl) => createConnectTransport({ baseUrl, httpVersion: '2', useBinaryFormat: true })), converses: true },
  'between processes': { world: betweenProcesses, converses: true },
  'gRPC over HTTP/2': { world: remote('2', (baseUrl) => createGrpcTransport({ baseUrl })), converses: true },
  'gRPC-web over HTTP/1.1': { world: remote('1.1', (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: '1.1' })), converses: false },
};

for (const [name, { world, converses }] of Object.entries(transports)) {
  suite(name, () => {
    for (const [fact, hold] of Object.entries(converses ? { ...facts, ...conversations } : facts)) {
      test(fact, { timeout: 20_000 }, async () => {
        await using here = await world();
        await hold(here);
      });
    }
  });
}

/** What goes with a call of one module to another, wherever that runs. */
const companions: Record<string, (world: Crossing) => Promise<void>> = {
  async 'principal, org and calling module cross'({ call, client, arrived }) {
    await runInCall(call, () => client.createEcho({ text: 'a' }));
    assert.deepEqual([arrived().principal, arrived().callerModule], [call.principal, 'mod-caller']);
    await client.getEcho({ text: 'a' });
    assert.deepEqual(arrived().principal, { kind: 'module', module: 'mod-caller' });
  },
  async 'the trace crosses, with its state'({ call, client, arrived }) {
    await runInCall(call, () => client.getEcho({ text: 'a' }));
    assert.deepEqual(arrived().trace, call.trace);
  },
  async 'the request’s id and the address of who called from outside cross'({ call, client, arrived }) {
    await runInCall(call, () => client.getEcho({ text: 'a' }));
    assert.deepEqual([arrived().requestId, arrived().clientAddress], ['request-1', '192.0.2.7']);
  },
  async 'a command that a keyed command calls has a key of its own, a query none'({ call, client, arrived }) {
    await runInCall(call, () => client.createEcho({ text: 'a' }));
    assert.match(arrived().idempotencyKey!, /^[\w-]{43}$/);
    await runInCall(call, () => client.getEcho({ text: 'a' }));
    assert.equal(arrived().idempotencyKey, undefined);
  },
  async 'what is left of the caller’s time is what the handler has'({ call, client, watch }) {
    await runInCall(call, () => client.getEcho({ text: 'a' }));
    assert.ok(watch.timeoutMs! > 5_000 && watch.timeoutMs! <= 10_000, `${watch.timeoutMs} ms`);
    await runInCall(call, () => client.getEcho({ text: 'a' }, { timeoutMs: 4_000 }));
    assert.ok(watch.timeoutMs! > 1_000 && watch.timeoutMs! <= 4_000, `${watch.timeoutMs} ms`);
    await runInCall(call, () => drain(client.count({ to: 1 })));
    assert.ok(watch.timeoutMs! > 5_000 && watch.timeoutMs! <= 10_000, `${watch.timeoutMs} ms`);
  },
  async 'a caller that is left by its own ends what it called'({ call, client, watch }) {
    for (const ask of [(): Promise<unknown> => client.echo({ text: 'a', delayMs: 20_000 }), () => client.sum(silence())]) {
      const leaving = new LeavingCaller();
      const failure = failureOf(runInCall({ ...call, leaving: leaving.signal }, ask));
      await until(() => watch.running === 1);
      leaving.leave();
      assert.equal((await failure).code, Code.Canceled);
      await freed(watch);
    }
  },
  async 'streams bring the same along'({ call, client, arrived }) {
    await runInCall(call, () => drain(client.count({ to: 1 })));
    assert.deepEqual([arrived().principal, arrived().callerModule, arrived().trace, arrived().requestId], [call.principal, 'mod-caller', call.trace, 'request-1']);
  },
};

interface Crossing extends World {
  /** The call that is being handled where the client is. */
  call: Call;
  /** What the latest handler knows of who called it. */
  arrived: () => Call;
}

const handled = (): Call => ({
  principal: { kind: 'account', accountId: 'a', orgId: 'org-1', sessionId: 's', roles: [{ role: 'USER', orgId: 'org-1' }] },
  traceId: '1'.repeat(32), trace: { traceId: '1'.repeat(32), spanId: '2'.repeat(16), sampled: true, state: 'vendor=x' },
  requestId: 'request-1', clientAddress: '192.0.2.7', idempotencyKey: 'key-1', deadline: performance.now() + 10_000,
});

for (const [name, world] of Object.entries({ 'in process': inProcess, 'between processes': betweenProcesses })) {
  suite(`what crosses with a call, ${name}`, () => {
    for (const [fact, hold] of Object.entries(companions)) {
      test(fact, { timeout: 20_000 }, async () => {
        await using here = await world();
        const client = createClient(EchoService, moduleTransport('mod-caller', here.transport));
        await hold({ ...here, client, call: handled(), arrived: () => here.watch.context!.values.get(callKey)! });
      });
    }
  });
}

async function inProcess(): Promise<Connected> {
  const watch: EchoWatch = { running: 0, produced: 0 };
  const { transport } = new InProcessRegistry().add(EchoService, echoService(watch));
  return { client: createClient(EchoService, transport), transport, watch, [Symbol.asyncDispose]: async () => {} };
}

/** As two processes call each other, but in this one. */
async function betweenProcesses(): Promise<Connected> {
  const watch: EchoWatch = { running: 0, produced: 0 };
  const methods = new Map(servedMethods(EchoService, endWithCall(EchoService, echoService(watch))).map((served) => [`${EchoService.typeName}/${served.method.name}`, served]));
  const server = await servePeers({ host: '127.0.0.1', port: 0, find: (path) => methods.get(path), arrive: (header) => arrive(header, openGuard, 'callee'), bodyLimitBytes: 16 << 20, log: createLog({ level: 'silent' }) });
  const transport = new RemoteTransport({ address: server.address, depart: (call, header) => depart(call ?? kernelCall(), header, { guard: openGuard, from: 'caller', to: 'callee' }) });
  return {
    client: createClient(EchoService, transport), transport, watch,
    async [Symbol.asyncDispose]() {
      await transport.close();
      await server.close();
    },
  };
}

function remote(httpVersion: '1.1' | '2', transport: (baseUrl: string) => Transport) {
  return async (): Promise<World> => {
    const watch: EchoWatch = { running: 0, produced: 0 };
    const handler = connectNodeAdapter({ routes: (router) => void router.service(EchoService, endWithCall(EchoService, echoService(watch))) });
    const sockets = new Set<Socket>();
    const server = (httpVersion === '2' ? createHttp2Server(handler) : createServer(handler)).on('connection', (socket: Socket) => sockets.add(socket));
    const client = createClient(EchoService, transport(await listen(server)));
    return {
      client, watch,
      async [Symbol.asyncDispose]() {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => server.close(resolve));
      },
    };
  };
}

/** Believes whatever is said: what proves it is tested where it is made. */
const openGuard: Guard = {
  authenticate: () => ({ kind: 'anonymous' }),
  decide: () => ({ allowed: true }),
  introduce: (introduction) => encodeURIComponent(JSON.stringify(introduction)),
  recognise: (said) => JSON.parse(decodeURIComponent(said)) as Introduction,
};

/** A stream of requests in which nothing is said. */
async function* silence(): AsyncGenerator<{ number: bigint }> {
  await sleep(20_000, undefined, { ref: false });
}

async function headersOf(call: (options: { headers: Record<string, string>; onHeader: (headers: Headers) => void; onTrailer: (headers: Headers) => void }) => Promise<unknown>) {
  const seen: { header?: string | null; trailer?: string | null } = {};
  await call({
    headers: { 'echo-header': 'hello' },
    onHeader: (headers) => { seen.header = headers.get('echo-header'); },
    onTrailer: (headers) => { seen.trailer = headers.get('echo-trailer'); },
  });
  return seen;
}

async function drain<T>(messages: AsyncIterable<T>, each: (message: T) => unknown = () => {}) {
  for await (const message of messages) each(message);
}

const described = (error: ConnectError) => ({
  code: error.code, message: error.rawMessage, reason: reasonOf(error), metadata: error.metadata.get('echo-metadata'),
  violations: violationsOf(error).map(({ field, description, reason }) => ({ field, description, reason })),
});

const refusalOf = (text: string) => ({
  code: Code.FailedPrecondition, message: `no echo of ${text}: ask for another`, reason: 'testing.ECHO_REFUSED', metadata: 'kept',
  violations: [{ field: 'text', description: 'must be another', reason: 'testing.other' }],
});

const freed = (watch: EchoWatch) => until(() => watch.running === 0, 'the handler ends');

/** JSON cannot write an `Any` without a registry of its types. */
const writableAsJson = ({ any }: { any?: unknown }) => any === undefined;
