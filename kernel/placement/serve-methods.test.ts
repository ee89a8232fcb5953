import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createHandlerContext } from '@connectrpc/connect';
import { reasonOf } from '../errors/define-errors.ts';
import { kernelErrors } from '../errors/kernel-errors.ts';
import { currentCall } from '../guard/call.ts';
import { createLog } from '../telemetry/log.ts';
import { CountRequestSchema, EchoRequestSchema, EchoService } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { echoService } from '../testing/echo.ts';
import { serveMethods } from './serve-methods.ts';

test('a stream that its handler ends in silence when the time is over ends with that error', async () => {
  const untilOver = {
    ...echoService(),
    async *count(_: unknown, { signal }: { signal: AbortSignal }) {
      while (!signal.aborted) await sleep(5);
    },
  };
  const { count } = serveMethods(EchoService, untilOver, open);
  const context = contextOf('count', 20);
  await assert.rejects(Array.fromAsync(count!(create(CountRequestSchema), context) as AsyncIterable<unknown>), (error) => ConnectError.from(error).code === Code.DeadlineExceeded);
});

test('what a caller keeps in an AsyncLocalStorage does not cross a call, and the caller still has it afterwards', async () => {
  const kept = new AsyncLocalStorage<string>();
  const handlerSaw: unknown[] = [];
  const callerSaw: unknown[] = [];
  const look = async () => {
    handlerSaw.push(kept.getStore());
    await sleep(1);
    handlerSaw.push(kept.getStore());
  };
  const echo = echoService();
  const looking: typeof echo = {
    ...echo,
    async echo(request, context) {
      await look();
      return echo.echo(request, context);
    },
    async *count(request, context) {
      await look();
      yield* echo.count(request, context);
    },
  };
  const served = serveMethods(EchoService, looking, open);
  await kept.run('mine', async () => {
    const answer = served.echo!(create(EchoRequestSchema, { text: 'a' }), contextOf('echo'));
    callerSaw.push(kept.getStore());
    await answer;
    callerSaw.push(kept.getStore());
    for await (const _ of served.count!(create(CountRequestSchema, { to: 1 }), contextOf('count')) as AsyncIterable<unknown>) callerSaw.push(kept.getStore());
  });
  assert.deepEqual(handlerSaw, [undefined, undefined, undefined, undefined]);
  assert.deepEqual(callerSaw, ['mine', 'mine', 'mine']);
});

const open: Parameters<typeof serveMethods>[2] = { module: 'mod-test', guard: () => ({ authenticate: async () => ({ kind: 'anonymous' }), decide: () => ({ allowed: true }) }), log: createLog({ level: 'silent' }) };

const contextOf = (method: 'echo' | 'count', timeoutMs?: number) => createHandlerContext({ service: EchoService, method: EchoService.method[method], protocolName: 'grpc', requestMethod: 'POST', url: 'http://localhost', timeoutMs });

test('a command that has called others without a key is not told that its org lies elsewhere, since it would be called again there', async () => {
  const guard = { authenticate: () => ({ kind: 'anonymous' as const }), decide: () => ({ allowed: true as const }) };
  for (const [nestedCommands, key, reason] of [[0, undefined, 'kernel.WRONG_SHARD'], [1, 'a-key-of-its-own', 'kernel.WRONG_SHARD'], [1, undefined, 'kernel.ORG_MOVED']] as const) {
    const served = serveMethods(EchoService, { ...echoService(), echo: () => {
      currentCall().nestedCommands = nestedCommands;
      throw kernelErrors.WRONG_SHARD({ slot: 7 });
    } }, { module: 'mod-test', guard: () => guard, log: createLog({ level: 'silent' }) });
    const context = createHandlerContext({ service: EchoService, method: EchoService.method.echo, protocolName: 'test', requestMethod: 'POST', url: 'http://localhost', requestHeader: key === undefined ? {} : { 'idempotency-key': key } });
    await assert.rejects(async () => served.echo(create(EchoRequestSchema, { text: 'a' }), context), (error) => reasonOf(error) === reason, reason);
  }
});
