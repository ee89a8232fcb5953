import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { test } from 'node:test';
import { Code, ConnectError, createContextValues, type HandlerContext, type ServiceImpl } from '@connectrpc/connect';
import { reasonOf } from '../errors/define-errors.ts';
import { callKey, type Call } from '../guard/call.ts';
import { EchoService, Failure } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { echoService, type EchoWatch } from '../testing/echo.ts';
import { createClient } from './create-client.ts';
import { InProcessRegistry } from './in-process-registry.ts';
import { moduleTransport } from './module-transport.ts';

const clientOf = (implementation: Partial<ServiceImpl<typeof EchoService>>) => createClient(EchoService, new InProcessRegistry().add(EchoService, implementation).transport);
const failureOf = async (call: Promise<unknown>) => ConnectError.from(await call.then(() => assert.fail('the call did not fail'), (error: unknown) => error));

test('a service is called through a transport made before it was added', async () => {
  const registry = new InProcessRegistry();
  const client = createClient(EchoService, registry.transport);
  assert.equal((await failureOf(client.echo({ text: 'a' }))).code, Code.Unimplemented);
  assert.equal(registry.has(EchoService), false);
  registry.add(EchoService, echoService());
  assert.equal(registry.has(EchoService), true);
  assert.equal((await client.echo({ text: 'a' })).text, 'a');
});

test('a service is served once in a process', () => {
  const registry = new InProcessRegistry().add(EchoService, echoService());
  assert.throws(() => registry.add(EchoService, echoService()), /mainstay.testing.v1.EchoService is served twice/);
});

test('a method that the implementation lacks is unimplemented', async () => {
  assert.equal((await failureOf(clientOf({}).echo({ text: 'a' }))).code, Code.Unimplemented);
});

test('the caller’s identity crosses to the handler', async () => {
  const call: Call = { principal: { kind: 'module', module: 'mod-test' }, callerModule: 'mod-test', traceId: '0'.repeat(32) };
  const watch: EchoWatch = { running: 0, produced: 0 };
  await clientOf(echoService(watch)).echo({ text: 'a' }, { contextValues: createContextValues().set(callKey, call) });
  assert.equal(watch.context!.values.get(callKey), call);
});

test('a failure in a handler’s first, synchronous step is masked like any other', async () => {
  const { code, rawMessage } = await failureOf(clientOf({ echo: () => { throw new Error('secret'); } }).echo({ text: 'a' }));
  assert.deepEqual([code, rawMessage], [Code.Internal, 'internal error']);
});

test('the error of a further service passes on its reason, not its metadata', async () => {
  const further = clientOf(echoService());
  const error = await failureOf(clientOf({ echo: async () => further.echo({ text: 'a', failure: Failure.KNOWN }) }).echo({ text: 'a' }));
  assert.deepEqual([error.code, reasonOf(error), error.metadata.get('echo-metadata')], [Code.FailedPrecondition, 'testing.ECHO_REFUSED', null]);
});

test('an error is the caller’s own: neither the thrown object nor its cause', async () => {
  const thrown = new ConnectError('not now', Code.Unavailable, undefined, undefined, new Error('secret'));
  const error = await failureOf(clientOf({ echo: async () => { throw thrown; } }).echo({ text: 'a' }));
  assert.notEqual(error, thrown);
  assert.deepEqual([error.code, error.rawMessage, error.cause], [Code.Unavailable, 'not now', undefined]);
});

test('headers that the caller changes after the call do not reach the handler', async () => {
  const watch: EchoWatch = { running: 0, produced: 0 };
  const headers = new Headers({ 'echo-header': 'before' });
  const answer = clientOf(echoService(watch)).echo({ text: 'a', delayMs: 5 }, { headers });
  headers.set('echo-header', 'after');
  await answer;
  assert.equal(watch.context!.requestHeader.get('echo-header'), 'before');
});

test('either side of a conversation runs in its own context', async () => {
  const side = new AsyncLocalStorage<string>();
  const seen: unknown[] = [];
  const client = clientOf({ converse: (requests) => side.run('handler', () => heard(requests)) });
  async function* heard(requests: AsyncIterable<{ text: string }>) {
    for await (const { text } of requests) yield { text };
  }
  const say = async function* () {
    for (const text of ['a', 'b']) {
      seen.push(side.getStore());
      yield { text };
    }
  };
  await side.run('caller', async () => {
    for await (const _ of client.converse(say()));
  });
  assert.deepEqual(seen, ['caller', 'caller']);
});

test('a handler does not take a stream of requests that throws for one that ends', async () => {
  const outcomes: unknown[] = [];
  const client = clientOf({
    sum: async (requests) => {
      try {
        for await (const _ of requests);
        outcomes.push('ended');
      } catch (error) {
        outcomes.push(ConnectError.from(error).rawMessage);
      }
      return {};
    },
  });
  assert.equal((await failureOf(client.sum((async function* () { yield {}; throw new Error('mine'); })()))).rawMessage, 'mine');
  assert.deepEqual(outcomes, ['the caller left']);
});

test('a clock that jumps neither ends a call nor gives it more time', async (t) => {
  const now = Date.now;
  for (const jump of [3_600_000, -3_600_000]) {
    const left: number[] = [];
    const client = clientOf({
      echo: async ({ text }, { timeoutMs }) => {
        t.mock.method(Date, 'now', () => now() + jump);
        left.push(timeoutMs()!);
        return { text };
      },
    });
    const caller = createClient(EchoService, moduleTransport('mod-test', new InProcessRegistry().add(EchoService, {
      echo: async (request, { timeoutMs }) => {
        const answer = await client.echo(request, { timeoutMs: timeoutMs() });
        left.push(timeoutMs()!);
        return answer;
      },
    }).transport));
    assert.equal((await caller.echo({ text: 'a' }, { timeoutMs: 60_000 })).text, 'a');
    assert.ok(left.length === 2 && left.every((ms) => ms > 0 && ms <= 60_000), String(left));
    t.mock.restoreAll();
  }
});

test('a deadline beyond what a timer can count is no deadline', async () => {
  assert.equal((await clientOf(echoService()).echo({ text: 'a', delayMs: 20 }, { timeoutMs: 2 ** 40 })).text, 'a');
});

test('nothing of a call is made that the handler does not ask for', async () => {
  let context: HandlerContext | undefined;
  const client = clientOf({ echo: async (_, given) => { context = given; return {}; } });
  const { Headers: RealHeaders, AbortController: RealController } = globalThis;
  const made: string[] = [];
  globalThis.Headers = class extends RealHeaders { constructor(init?: ConstructorParameters<typeof RealHeaders>[0]) { super(init); made.push('headers'); } };
  globalThis.AbortController = class extends RealController { constructor() { super(); made.push('controller'); } };
  try {
    await client.echo({ text: 'a' });
    assert.deepEqual(made, []);
    assert.ok(context!.signal.aborted && context!.requestHeader);
    assert.deepEqual(made, ['controller', 'headers']);
  } finally {
    Object.assign(globalThis, { Headers: RealHeaders, AbortController: RealController });
  }
});
