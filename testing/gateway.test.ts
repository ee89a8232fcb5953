import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { after, before, test } from 'node:test';
import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { reasonOf } from '@mainstay/kernel';
import { until } from '@mainstay/kernel/testing';
import { PromisesService } from '@mainstay/mod-promist/contract';
import { AuditService, ModulesService, SettingsService } from '@mainstay/sys-core/contract';
import { startDeployment, type TestDeployment } from './index.ts';
import { WebSocket } from 'ws';
import { GatewayService } from '@mainstay/sys-gateway/contract';

const [root, ops, ada, eve] = ['root@mainstay.test', 'ops@mainstay.test', 'ada@acme.test', 'eve@umbrella.test'] as const;
const app = 'https://app.example.test';
/** Requests of the test that say where they come from: the proxy that they stand for is this machine. */
const from = (address: string) => ({ 'x-forwarded-for': address });

let deployment: TestDeployment;
before(async () => {
  const gateway = { domains: ['example.test'], trustedProxies: ['127.0.0.1', '::1'], corsOrigins: [app, 'https://*.wild.test'], limitLogin: { requests: 3, seconds: 60 }, limitPerAddress: { requests: 40, seconds: 60 } };
  deployment = await startDeployment({ modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-promist': null, 'sys-gateway': gateway } });
});
after(() => deployment.stop());

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  reason: string | undefined;
}

/** A request by any name, which `fetch` does not let anybody choose. */
async function ask(path: string, { host = 'localhost', method = 'GET', as, headers = {}, body }: { host?: string; method?: string; as?: string; headers?: Record<string, string>; body?: unknown } = {}): Promise<Answer> {
  const { port } = new URL(deployment.address);
  const authorization = as && { authorization: `Bearer ${as.includes('@') ? await deployment.token(as) : as}` };
  const request = httpRequest({ port, path, method, headers: { host: `${host}:${port}`, ...(body !== undefined && { 'content-type': 'application/json' }), ...authorization, ...headers } });
  request.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
  const text = Buffer.concat(await response.toArray()).toString();
  return { status: response.statusCode!, headers: response.headers, body: text, reason: text.startsWith('{') ? (JSON.parse(text) as { reason?: string }).reason : undefined };
}

const brief = ({ status, reason }: Answer) => [status, reason];

/** Changes a setting of the gateway, and waits until it counts. */
async function set(key: string, value: JsonValue, seen: () => Promise<boolean>, force = false): Promise<void> {
  await (await deployment.client(SettingsService, root)).updateSetting({ module: 'sys-gateway', key, value: fromJson(ValueSchema, value), force });
  await until(seen, `${key} counts`);
}

const reset = async (...keys: string[]) => {
  const client = await deployment.client(SettingsService, root);
  for (const key of keys) await client.resetSetting({ module: 'sys-gateway', key, force: true });
  await new Promise((resolve) => setTimeout(resolve, 300));
};

const users = 'mod-main.example.test';
const operators = 'sys-main.example.test';

test("what only operators may call is not served at the users' domain", async () => {
  assert.deepEqual(brief(await ask('/v1/gateway/routes', { host: users, as: ops })), [404, 'sys-gateway.NOT_SERVED_HERE']);
  assert.deepEqual(brief(await ask('/v1/gateway/routes', { host: operators, as: ops })), [200, undefined]);
  assert.deepEqual(brief(await ask('/v1/promises', { host: users, as: ada })), [200, undefined]);
  assert.deepEqual(brief(await ask('/v1/modules', { host: users })), [200, undefined]);
  assert.deepEqual(brief(await ask('/apps/sys-core/', { host: users })), [404, 'sys-gateway.NOT_SERVED_HERE']);
  const call = await ask('/sys.gateway.v1.GatewayService/ListRoutes', { host: users, as: ops, method: 'POST', body: {} });
  assert.deepEqual([call.status, (JSON.parse(call.body) as { code: string }).code], [404, 'not_found']);
});

test("the API's documentation at each domain is of what that domain serves", async () => {
  const described = async (host: string) => {
    const { paths, tags, components } = JSON.parse((await ask('/openapi.json', { host })).body) as { paths: Record<string, object>; tags: { name: string }[]; components: { schemas: object } };
    return { has: (path: string) => path in paths, tags: tags.map(({ name }) => name), schemas: Object.keys(components.schemas) };
  };
  for (const host of [operators, 'localhost']) {
    const { has, tags, schemas } = await described(host);
    assert.ok(has('/v1/gateway/routes') && has('/v1/promises') && has('/v1/dead-letters') && tags.includes('GatewayService') && schemas.some((name) => name.endsWith('ListRoutesResponse')), host);
  }
  const { has, tags, schemas } = await described(users);
  assert.ok(has('/v1/promises') && has('/v1/modules') && has('/v1/sessions'));
  assert.ok(!has('/v1/gateway/routes') && !has('/v1/dead-letters') && !tags.includes('GatewayService') && !schemas.some((name) => name.endsWith('ListRoutesResponse')));
});

test('a name that is none of the deployment is refused with 421, and localhost is not', async () => {
  for (const host of ['example.test', 'evil.test', 'mod-main.example.test.evil.test', '192.0.2.1']) assert.deepEqual(brief(await ask('/v1/modules', { host })), [421, 'kernel.MISDIRECTED'], host);
  for (const host of ['localhost', '127.0.0.1', 'MOD-MAIN.example.test', 'sys-main.example.test.']) assert.equal((await ask('/v1/modules', { host })).status, 200, host);
});

test('in production localhost is refused like any other name, unless the configuration says otherwise', async () => {
  for (const [localhost, status] of [[undefined, 421], [true, 200]] as const) {
    const production = await startDeployment({ phase: 'P', modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'sys-gateway': { domains: ['example.test'], ...(localhost !== undefined && { localhost }) } } });
    assert.equal((await production.fetch('/v1/modules')).status, status);
    await production.stop();
  }
});

test('a page of an allowed origin may call, and one of another may not', async () => {
  const preflight = (origin: string) => ask('/v1/promises', { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type,connect-protocol-version' } });
  for (const origin of [app, 'https://a.wild.test', 'https://a.b.wild.test']) {
    const { status, headers, body } = await preflight(origin);
    assert.deepEqual([status, body, headers['access-control-allow-origin'], headers['access-control-allow-credentials'], headers.vary], [204, '', origin, 'true', 'origin']);
    const allowed = headers['access-control-allow-headers']!.split(', ');
    for (const name of ['authorization', 'content-type', 'idempotency-key', 'if-match', 'connect-protocol-version', 'connect-timeout-ms', 'x-grpc-web', 'grpc-timeout']) assert.ok(allowed.includes(name), name);
    assert.ok(headers['access-control-allow-methods']!.includes('PATCH') && Number(headers['access-control-max-age']) > 0);
  }
  for (const origin of ['https://wild.test', 'https://evil.test', 'http://app.example.test', 'null']) {
    assert.equal((await preflight(origin)).headers['access-control-allow-origin'], undefined, origin);
    assert.equal((await ask('/v1/modules', { headers: { origin } })).headers['access-control-allow-origin'], undefined, origin);
  }
  const { headers } = await ask('/v1/modules', { headers: { origin: app } });
  assert.equal(headers['access-control-allow-origin'], app);
  for (const name of ['ratelimit', 'ratelimit-policy', 'retry-after', 'etag', 'grpc-status', 'x-request-id']) assert.ok(headers['access-control-expose-headers']!.split(', ').includes(name), name);
  assert.equal((await ask('/v1/promises', { headers: { origin: app } })).headers['access-control-allow-origin'], app, 'on a refusal, too');
  assert.equal((await ask('/mod.promist.v1.PromisesService/ListPromises', { method: 'POST', body: {}, headers: { origin: app } })).headers['access-control-allow-origin'], app);
});

test('a socket is opened for pages of allowed origins', async () => {
  const open = async (origin: string) => {
    const socket = new WebSocket(`${deployment.address.replace('http', 'ws')}/v1/socket`, { origin });
    const opened = await Promise.race([once(socket, 'open').then(() => true), once(socket, 'unexpected-response').then(() => false)]);
    socket.on('error', () => {}).terminate();
    return opened;
  };
  assert.deepEqual([await open(app), await open('https://evil.test')], [true, false]);
});

test('the address counts that a trusted proxy tells of, in the audit, too', async () => {
  const trace = 'ab'.repeat(16);
  await ask('/v1/promises', { method: 'POST', as: ada, body: { title: 'from afar' }, headers: { ...from('203.0.113.77'), traceparent: `00-${trace}-${'1'.repeat(16)}-01` } });
  const audit = await deployment.client(AuditService, root);
  const [entry] = await until(() => audit.listAuditEntries({ traceId: trace }).then(({ entries }) => entries.length > 0 && entries), 'the audit has the entry');
  assert.equal(entry!.clientAddress, '203.0.113.77');
});

test('more logins from one address than allowed are refused with 429, and say when to come again', async () => {
  const login = (address: string) => ask('/v1/sessions', { method: 'POST', body: { email: 'nobody@acme.test', password: 'wrong-password' }, headers: from(address) });
  for (let attempt = 1; attempt <= 3; attempt++) assert.equal((await login('203.0.113.10')).status, 401);
  const refused = await login('203.0.113.10');
  assert.deepEqual(brief(refused), [429, 'sys-gateway.RATE_LIMITED']);
  assert.match(refused.headers['content-type']!, /^application\/problem\+json/);
  assert.equal(refused.headers['ratelimit-policy'], '"login";q=3;w=60');
  assert.match(String(refused.headers.ratelimit), /^"login";r=0;t=(60|59)$/);
  assert.match(String(refused.headers['retry-after']), /^(20|19)$/);
  assert.equal((await login('203.0.113.11')).status, 401);
  assert.equal((await ask('/v1/modules', { headers: from('203.0.113.10') })).status, 200);
});

test('an address is limited on every wire with the same reason, and all addresses of one IPv6 network with it', async () => {
  let last: Answer;
  let passed = 0;
  while ((last = await ask('/v1/modules', { headers: from(`2001:db8::${passed + 1}`) })).status === 200) passed++;
  assert.deepEqual([passed, last.reason], [40, 'sys-gateway.RATE_LIMITED']);
  const baseUrl = deployment.address;
  for (const transport of [createGrpcTransport({ baseUrl }), createGrpcWebTransport({ baseUrl, httpVersion: '1.1' }), createConnectTransport({ baseUrl, httpVersion: '1.1' }), createConnectTransport({ baseUrl, httpVersion: '2', useBinaryFormat: false })]) {
    const limited = (error: unknown) => reasonOf(error) === 'sys-gateway.RATE_LIMITED' && ConnectError.from(error).code === Code.ResourceExhausted;
    await assert.rejects(createClient(ModulesService, transport).listModules({}, { headers: from('2001:db8::99') }), limited);
    const stream = createClient(PromisesService, transport).exportPromises({}, { headers: from('2001:db8::99') });
    await assert.rejects(async () => { for await (const _ of stream); }, limited);
  }
  assert.equal((await ask('/v1/modules', { headers: from('2001:db8:0:1::1') })).status, 200);
});

test('an account, and an API key of its own, are limited wherever they call from', async () => {
  const { secret } = (await (await deployment.fetch('/v1/apiKeys', { as: eve, body: { name: 'limited' } })).json()) as { secret: string };
  const at = (as: string, path: string, last: number) => ask(path, { as, headers: from(`203.0.113.${last}`) });
  await set('limitPerAccount', { requests: 2, seconds: 110 }, async () => (await at(eve, '/v1/promises', 20)).headers['ratelimit-policy'] === '"account";q=2;w=110');
  while ((await at(eve, '/v1/promises', 21)).status === 200);
  const refused = await at(eve, '/v1/promises', 22);
  assert.deepEqual([...brief(refused), refused.headers['ratelimit-policy']], [429, 'sys-gateway.RATE_LIMITED', '"account";q=2;w=110']);
  assert.equal((await at(ada, '/v1/promises', 22)).status, 200);
  assert.equal((await at(secret, '/v1/promises', 22)).headers['ratelimit-policy'], '"key";q=6000;w=60');
  const socket = new WebSocket(`${deployment.address.replace('http', 'ws')}/v1/socket`, { headers: { ...from('203.0.113.23'), authorization: `Bearer ${await deployment.token(eve)}` } });
  await once(socket, 'open');
  socket.send(JSON.stringify({ id: 1, call: 'mod.promist.v1.PromisesService/ListPromises', message: {} }));
  const [frame] = (await once(socket, 'message')) as [Buffer];
  assert.equal((JSON.parse(String(frame)) as { error: { reason: string } }).error.reason, 'sys-gateway.RATE_LIMITED');
  socket.terminate();
  await reset('limitPerAccount');
});

test("this machine's own requests are not limited", async () => {
  for (let count = 0; count < 60; count++) assert.equal((await ask('/v1/modules')).status, 200);
});

test('operators are let in from allowed addresses alone, and nobody shuts themselves out', async () => {
  const settings = await deployment.client(SettingsService, root);
  const allow = (networks: string[]) => ({ module: 'sys-gateway', key: 'operatorsAllow', value: fromJson(ValueSchema, networks) });
  await assert.rejects(settings.updateSetting(allow(['198.51.100.0/24'])), (error) => reasonOf(error) === 'sys-core.SETTING_UNWISE' && /your own address/.test(String(error)));
  for (const key of ['limitPerAddress', 'limitPerAccount', 'limitPerKey', 'limitLogin']) await assert.rejects(settings.updateSetting({ module: 'sys-gateway', key, value: fromJson(ValueSchema, { requests: 1, seconds: 86_400 }) }), (error) => reasonOf(error) === 'sys-core.SETTING_UNWISE', key);
  await set('operatorsAllow', ['198.51.100.0/24', '127.0.0.0/8', '::1'], async () => (await ask('/v1/modules', { host: operators, headers: from('203.0.113.30') })).status === 403);
  assert.deepEqual(brief(await ask('/v1/modules', { host: operators, headers: from('203.0.113.31') })), [403, 'sys-gateway.ADDRESS_NOT_ALLOWED']);
  assert.equal((await ask('/v1/modules', { host: operators, headers: from('198.51.100.7') })).status, 200);
  assert.equal((await ask('/v1/modules', { host: users, headers: from('203.0.113.31') })).status, 200);
  assert.deepEqual(brief(await ask('/v1/gateway/routes', { as: ops, headers: from('203.0.113.31') })), [403, 'sys-gateway.ADDRESS_NOT_ALLOWED'], 'where a name is everybody\'s');
  await deployment.restart();
  assert.equal((await ask('/v1/modules', { host: operators, headers: from('203.0.113.31') })).status, 403, 'after a restart, too');
  await reset('operatorsAllow');
});

test('what is switched off answers 503 with the reason, until it is switched on again', async () => {
  const list = () => ask('/v1/promises', { as: ada });
  await set('switchedOff', [{ what: 'mod.promist.v1.PromisesService/ListPromises', reason: 'moving house' }], async () => (await list()).status === 503);
  const off = await list();
  assert.deepEqual(brief(off), [503, 'sys-gateway.SWITCHED_OFF']);
  assert.match(off.body, /moving house/);
  assert.equal((await ask('/v1/contacts', { as: ada })).status, 200);
  const promises = await deployment.client(PromisesService, ada);
  await assert.rejects(promises.listPromises({}), (error) => reasonOf(error) === 'sys-gateway.SWITCHED_OFF' && ConnectError.from(error).code === Code.Unavailable);
  const { routes } = await (await deployment.client(GatewayService, ops)).listRoutes({});
  assert.deepEqual(routes.filter(({ switchedOff }) => switchedOff).map(({ method, switchedOffReason }) => [method, switchedOffReason]), [['ListPromises', 'moving house']]);
  await assert.rejects((await deployment.client(SettingsService, root)).updateSetting({ module: 'sys-gateway', key: 'switchedOff', value: fromJson(ValueSchema, [{ what: 'sys.core.v1.SettingsService', reason: 'oops' }]) }), (error) => reasonOf(error) === 'sys-core.SETTING_UNWISE');
  const client = await deployment.client(SettingsService, root);
  const { version } = await client.getSetting({ module: 'sys-gateway', key: 'switchedOff' });
  await client.revertSetting({ module: 'sys-gateway', key: 'switchedOff', version: version - 1 });
  await until(async () => (await list()).status === 200, 'it is switched on again');
});

test('only what there is is switched off, unless the operator insists: a module may be off for now', async () => {
  const client = await deployment.client(SettingsService, root);
  const change = (what: string, force = false) => client.updateSetting({ module: 'sys-gateway', key: 'switchedOff', value: fromJson(ValueSchema, [{ what, reason: 'moving house' }]), force, validateOnly: true });
  const refused = (because: RegExp) => (error: unknown) => reasonOf(error) === 'sys-core.SETTING_UNWISE' && because.test(String(error));
  await assert.rejects(change('mod.promist.v1.PromisesService/ListPromise'), refused(/no enabled module has .*ListPromise; did you mean mod\.promist\.v1\.PromisesService\/ListPromises\?/));
  await assert.rejects(change('mod.promist.v1.PromiseService'), refused(/did you mean mod\.promist\.v1\.PromisesService\?/));
  await assert.rejects(change('mod.invoices.v1.InvoicesService'), refused(/see \.\/mainstay gateway routes; send force/));
  for (const what of ['mod.promist.v1.PromisesService', 'sys.gateway.v1.GatewayService/ListLimits']) await change(what);
  await change('mod.invoices.v1.InvoicesService', true);
});

test('a body larger than the setting allows is refused on every wire, and one with a file is not', async () => {
  const long = { title: 'a', description: 'x'.repeat(3000) };
  const make = () => ask('/v1/promises', { method: 'POST', as: ada, body: long });
  await set('bodyLimitKiB', 2, async () => (await make()).status === 413);
  assert.deepEqual(brief(await make()), [413, 'kernel.BODY_TOO_LARGE']);
  await assert.rejects((await deployment.client(PromisesService, ada)).createPromise({ promise: long }), (error) => reasonOf(error) === 'kernel.BODY_TOO_LARGE');
  const { port } = new URL(deployment.address);
  const chunked = httpRequest({ port, path: '/v1/promises', method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${await deployment.token(ada)}` } });
  chunked.write(JSON.stringify(long).slice(0, 1000));
  chunked.end(JSON.stringify(long).slice(1000));
  const [response] = (await once(chunked, 'response')) as [import('node:http').IncomingMessage];
  assert.equal(response.resume().statusCode, 413);
  assert.equal((await deployment.fetch('/v1/files?name=x.txt', { as: ada, body: 'y'.repeat(5000), headers: { 'content-type': 'text/plain' } })).status, 200);
  await reset('bodyLimitKiB');
});

test('credentials that do not hold, and none where some are needed, are refused before the body is there', async () => {
  const { port } = new URL(deployment.address);
  const begin = async (path: string, headers: Record<string, string>) => {
    const request = httpRequest({ port, path, method: 'POST', headers: { 'content-type': 'application/json', 'content-length': '1000', ...headers } }).on('error', () => {});
    request.flushHeaders();
    const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
    const text = new Promise<string>((resolve) => response.once('data', (data) => resolve(String(data))));
    const answer = [response.statusCode, /"reason":"([^"]*)"/.exec(await text)?.[1]];
    request.destroy();
    return answer;
  };
  assert.deepEqual(await begin('/v1/promises', {}), [401, 'kernel.UNAUTHENTICATED']);
  assert.deepEqual(await begin('/v1/promises', { authorization: 'Bearer a.b.c' }), [401, 'sys-core.TOKEN_INVALID']);
  assert.deepEqual(await begin('/v1/promises', { authorization: 'Basic eDp5' }), [401, 'sys-core.CREDENTIALS_UNKNOWN']);
  assert.deepEqual((await begin('/mod.promist.v1.PromisesService/CreatePromise', {}))[0], 401);
});

test('a call without credentials gets the error of its own door on every wire', async () => {
  const detail = 'sign in first: this needs the permission promist.promises.create';
  const rest = await ask('/v1/promises', { method: 'POST', body: {} });
  assert.deepEqual([...brief(rest), (JSON.parse(rest.body) as { detail: string }).detail, rest.headers['www-authenticate']], [401, 'kernel.UNAUTHENTICATED', detail, 'Bearer']);
  for (const transport of [createGrpcTransport({ baseUrl: deployment.address }), createConnectTransport({ baseUrl: deployment.address, httpVersion: '1.1' })]) {
    await assert.rejects(createClient(PromisesService, transport).createPromise({}), (error) => reasonOf(error) === 'kernel.UNAUTHENTICATED' && ConnectError.from(error).rawMessage === detail);
  }
  const { status } = await ask('/v1/promises', { as: ada, method: 'POST', body: {} });
  assert.equal(status, 400, 'what is wrong with a request is told to those who may send it');
});

test('a call takes no longer than the setting for its kind', async () => {
  await set('timeoutSeconds', { query: null, command: null, stream: 1 }, async () => true);
  await new Promise((resolve) => setTimeout(resolve, 400));
  const { NotificationsService } = await import('@mainstay/mod-promist/contract');
  const stream = (await deployment.client(NotificationsService, ada)).watchNotifications({});
  await assert.rejects(async () => { for await (const _ of stream); }, (error) => ConnectError.from(error).code === Code.DeadlineExceeded);
  await reset('timeoutSeconds');
});

test('how other processes are called is a setting, and in one process there is no breaker', async () => {
  const client = await deployment.client(GatewayService, ops);
  assert.deepEqual((await client.listBreakers({})).breakers, []);
  const settings = await deployment.client(SettingsService, root);
  const at = { module: 'sys-gateway', key: 'calls', validateOnly: true };
  await settings.updateSetting({ ...at, value: fromJson(ValueSchema, { timeoutSeconds: 5, breaker: { leastCalls: 3 } }) });
  await assert.rejects(settings.updateSetting({ ...at, value: fromJson(ValueSchema, { breaker: { leastCalls: 0 } }) }), (error) => reasonOf(error) === 'sys-core.SETTING_NOT_ALLOWED');
});

test('operators read the limits that count', async () => {
  const { limits, loopback, instances } = await (await deployment.client(GatewayService, ops)).listLimits({});
  assert.deepEqual(limits.map(({ name, requests, seconds }) => [name, requests, seconds]), [['address', 40, 60], ['account', 6000, 60], ['key', 6000, 60], ['login', 3, 60]]);
  assert.deepEqual([loopback, instances], [false, 1]);
  await assert.rejects((await deployment.client(GatewayService, ada)).listLimits({}), (error) => reasonOf(error) === 'kernel.PERMISSION_DENIED');
});
