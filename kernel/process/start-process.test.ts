import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import { Code, ConnectError, type Client } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { Health, HealthCheckResponse_ServingStatus as Status } from '@mainstay/kernel/contract/grpc/health/v1/health_pb.js';
import { z } from 'zod';
import { reasonOf } from '../errors/define-errors.ts';
import { currentCall } from '../guard/call.ts';
import { defineAccess } from '../guard/guard.ts';
import { defineModule, serve, type Module } from '../module/define-module.ts';
import { createClient } from '../placement/create-client.ts';
import { EchoService } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { LibraryService } from '../testing/contract/gen/mainstay/testing/v1/library_pb.js';
import { createLog, testDatabase } from '../testing/index.ts';
import { echoService } from '../testing/echo.ts';
import { libraryService } from '../testing/library.ts';
import { startProcess, type RunningProcess } from './start-process.ts';

const none = z.object({});
const stops: (() => Promise<void>)[] = [];
after(async () => {
  for (const stop of stops.reverse()) await stop();
});

/** A guard that lets in whoever names themselves in a header, and modules. */
const core = defineModule({
  name: 'sys-core',
  requires: {},
  config: none,
  access: defineAccess([{ role: 'USER', may: ['testing.*'] }]),
  guard: () => ({
    authenticate: async (header) => (header.has('authorization') ? { kind: 'account', accountId: header.get('authorization')!, orgId: crypto.randomUUID(), roles: [], sessionId: '' } : { kind: 'anonymous' }),
    decide: ({ principal, access, callerModule }) => {
      if (access.rule.case === 'public') return { allowed: true };
      if (access.rule.case === 'internal') return callerModule ? { allowed: true } : { allowed: false, because: 'only modules may call this' };
      return principal.kind === 'anonymous' ? { allowed: false, because: 'nobody is signed in' } : { allowed: true };
    },
  }),
});

const echo = defineModule({ name: 'mod-echo', requires: {}, config: none, services: [serve(EchoService, () => echoService())] });

const broken = defineModule({
  name: 'mod-library',
  requires: {},
  config: none,
  services: [serve(LibraryService, (): never => { throw new Error('the shelves are locked'); })],
});

async function start(modules: { module: Module; optional?: boolean }[]): Promise<RunningProcess> {
  const database = await testDatabase();
  stops.push(() => database.drop());
  const running = await startProcess({
    deployment: { name: 'test', phase: 'T', http: { host: 'localhost', port: 0, bodyLimitBytes: 1 << 20 }, modules: modules.map(({ module, optional = false }) => ({ module, config: {}, optional })) },
    databaseUrl: database.adminUrl,
    databaseName: database.name,
    secret: randomBytes(32).toString('hex'),
    log: createLog({ level: 'silent' }),
    announce: () => {},
  });
  stops.push(() => running.stop());
  return running;
}

const transportTo = ({ address }: RunningProcess) => createGrpcTransport({ baseUrl: address });

test('an optional module that cannot start is quarantined, and the rest run', async () => {
  const running = await start([{ module: core }, { module: echo }, { module: broken, optional: true }]);
  const ready = (await (await fetch(`${running.address}/readyz`)).json()) as { modules: { name: string; state: string }[] };
  assert.deepEqual(Object.fromEntries(ready.modules.map(({ name, state }) => [name, state])), { 'sys-core': 'running', 'mod-echo': 'running', 'mod-library': 'quarantined' });
  await createClient(EchoService, transportTo(running)).echo({});
  await assert.rejects(createClient(LibraryService, transportTo(running)).listBooks({}), (error) => {
    assert.equal(ConnectError.from(error).code, Code.Unavailable);
    return reasonOf(error) === 'kernel.MODULE_QUARANTINED';
  });
  const health = createClient(Health, transportTo(running));
  assert.equal((await health.check({ service: LibraryService.typeName })).status, Status.NOT_SERVING);
  assert.equal((await health.check({ service: EchoService.typeName })).status, Status.SERVING);
});

test('a module that cannot start and is not optional keeps the process from starting, told by name', async () => {
  await assert.rejects(start([{ module: core }, { module: broken }]), /mod-library cannot start: the shelves are locked/);
});

test('a module that requires what nobody serves is quarantined if it is optional, and told by name if not', async () => {
  const reader = defineModule({ name: 'mod-reader', requires: { library: LibraryService }, config: none });
  await assert.rejects(start([{ module: core }, { module: reader }]), /mod-reader requires mainstay.testing.v1.LibraryService/);
  const running = await start([{ module: core }, { module: reader, optional: true }]);
  assert.match(running.quarantined()['mod-reader']!, /requires mainstay.testing.v1.LibraryService/);
  const { modules } = (await (await fetch(`${running.address}/readyz`)).json()) as { modules: { name: string; state: string; problem?: string }[] };
  assert.ok(modules.every(({ problem }) => problem === undefined), 'why a module does not run is for the operator alone');
  assert.equal(modules.find(({ name }) => name === 'mod-reader')?.state, 'quarantined');
});

test('every method passes the guard, whichever protocol asks', async () => {
  const running = await start([{ module: core }, { module: echo }]);
  const client = createClient(EchoService, transportTo(running));
  await assert.rejects(client.getEcho({}), (error) => ConnectError.from(error).code === Code.Unauthenticated);
  assert.equal((await fetch(`${running.address}/v1/echo/x`)).status, 401);
  await assert.rejects(client.whisper({}, { headers: { authorization: 'ada' } }), (error) => ConnectError.from(error).code === Code.PermissionDenied);
});

test('a call between modules carries its caller, and reaches what is internal', async () => {
  const seen: (string | undefined)[] = [];
  const listener = defineModule({
    name: 'mod-echo',
    requires: {},
    config: none,
    services: [serve(EchoService, () => {
      const service = echoService();
      return { ...service, whisper: async (request, context) => {
        const { principal, callerModule } = currentCall();
        seen.push(callerModule, principal.kind === 'account' ? principal.accountId : principal.kind);
        return service.whisper(request, context);
      } };
    })],
  });
  const asker = defineModule({
    name: 'mod-library',
    requires: { echo: EchoService },
    config: none,
    services: [serve(LibraryService, ({ echo }: { echo: Client<typeof EchoService> }) => ({ ...libraryService(), listBooks: async () => {
      await echo.whisper({});
      return { books: [] };
    } }))],
  });
  const running = await start([{ module: core }, { module: asker }, { module: listener }]);
  await createClient(LibraryService, transportTo(running)).listBooks({}, { headers: { authorization: 'ada' } });
  assert.deepEqual(seen, ['mod-library', 'ada']);
});

test('what a handler throws by accident is masked and can be traced', async () => {
  const clumsy = defineModule({ name: 'mod-echo', requires: {}, config: none, services: [serve(EchoService, () => ({ ...echoService(), echo: () => { throw new Error('the password is 1234'); } }))] });
  const running = await start([{ module: core }, { module: clumsy }]);
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await assert.rejects(createClient(EchoService, transportTo(running)).echo({}, { headers: { traceparent } }), (error) => {
    const { code, rawMessage } = ConnectError.from(error);
    assert.equal(code, Code.Internal);
    assert.equal(reasonOf(error), 'kernel.INTERNAL');
    assert.match(rawMessage, /0af7651916cd43dd8448eb211c80319c/);
    assert.doesNotMatch(rawMessage, /1234/);
    return true;
  });
});
