import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, createHandlerContext } from '@connectrpc/connect';
import { createLog } from '../telemetry/log.ts';
import { CountRequestSchema, EchoService } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { echoService } from '../testing/echo.ts';
import { serveMethods } from './serve-methods.ts';

test('a stream that its handler ends in silence when the time is over ends with that error', async () => {
  const untilOver = {
    ...echoService(),
    async *count(_: unknown, { signal }: { signal: AbortSignal }) {
      while (!signal.aborted) await sleep(5);
    },
  };
  const { count } = serveMethods(EchoService, untilOver, { module: 'mod-test', guard: () => ({ authenticate: async () => ({ kind: 'anonymous' }), decide: () => ({ allowed: true }) }), log: createLog({ level: 'silent' }) });
  const context = createHandlerContext({ service: EchoService, method: EchoService.method.count, protocolName: 'grpc', requestMethod: 'POST', url: 'http://localhost', timeoutMs: 20 });
  await assert.rejects(Array.fromAsync(count!(create(CountRequestSchema), context) as AsyncIterable<unknown>), (error) => ConnectError.from(error).code === Code.DeadlineExceeded);
});
