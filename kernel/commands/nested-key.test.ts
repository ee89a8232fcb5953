import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create } from '@bufbuild/protobuf';
import { createHandlerContext } from '@connectrpc/connect';
import { currentCall } from '../guard/call.ts';
import { serveMethods } from '../placement/serve-methods.ts';
import { createLog } from '../telemetry/log.ts';
import { CountRequestSchema, EchoRequestSchema, EchoService } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { LedgerService } from '../testing/contract/gen/mainstay/testing/v1/ledger_pb.js';
import { echoService } from '../testing/echo.ts';
import { nestedKey } from './nested-key.ts';

test('two methods that are called with the same key call others with different keys, and each with its own again', async () => {
  const keys: (string | undefined)[] = [];
  const nested = () => keys.push(nestedKey(currentCall(), LedgerService.method.writeLine));
  const echo = echoService();
  const served = serveMethods(EchoService, {
    ...echo,
    echo: (request, context) => (nested(), echo.echo(request, context)),
    count: (request, context) => (nested(), echo.count(request, context)),
  }, { module: 'mod-test', guard: () => ({ authenticate: async () => ({ kind: 'anonymous' }), decide: () => ({ allowed: true }) }), log: createLog({ level: 'silent' }) });
  const contextOf = (method: 'echo' | 'count') => createHandlerContext({ service: EchoService, method: EchoService.method[method], protocolName: 'grpc', requestMethod: 'POST', url: 'http://localhost', requestHeader: { 'idempotency-key': 'the same' } });
  for (let round = 0; round < 2; round++) {
    await served.echo!(create(EchoRequestSchema, { text: 'a' }), contextOf('echo'));
    await Array.fromAsync(served.count!(create(CountRequestSchema, { to: 1 }), contextOf('count')) as AsyncIterable<unknown>);
  }
  const [echoed, counted, ...again] = keys;
  assert.ok(echoed && counted && echoed !== counted);
  assert.deepEqual(again, [echoed, counted]);
});
