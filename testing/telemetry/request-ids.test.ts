import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { until } from '@mainstay/kernel/testing';
import { PromisesService } from '@mainstay/mod-promist/contract';
import { startDeployment, type TestDeployment } from '../start-deployment.ts';

const folder = mkdtempSync(join(tmpdir(), 'mainstay-log-'));
const logFile = join(folder, 'log');
let deployment: TestDeployment;
before(async () => { deployment = await startDeployment({ logFile, telemetry: { requestLog: 'all' } }); });
after(async () => {
  await deployment.stop();
  rmSync(folder, { recursive: true });
});

interface Line extends Record<string, unknown> {
  msg: string;
  requestId?: string;
}
const lines = (): Line[] => readFileSync(logFile, 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Line);

/** The line of a request; written once its answer is out. */
const lineOf = (requestId: string): Promise<Line> =>
  until(() => {
    const found = lines().filter((line) => line.msg === 'request' && line.requestId === requestId);
    assert.ok(found.length <= 1, 'one line a request');
    return found[0];
  }, `there is a line of ${requestId}`);

test('a request keeps the id it brings, and gets one if it has none that is fit, in every answer', async () => {
  for (const path of ['/v1/promises', '/no/such/path', '/', '/v1/promises/%E0%A4%A']) {
    const kept = await fetch(deployment.address + path, { headers: { 'x-request-id': 'mine-1' } });
    assert.equal(kept.headers.get('x-request-id'), 'mine-1', path);
    for (const unfit of [undefined, 'x'.repeat(129), 'with space']) {
      const made = (await fetch(deployment.address + path, { headers: unfit === undefined ? {} : { 'x-request-id': unfit } })).headers.get('x-request-id');
      assert.match(made ?? '', /^[0-9a-f-]{36}$/, `${path} ${unfit}`);
    }
  }
});

test('gRPC, gRPC-web and Connect answer with the id too, success or not', async () => {
  const token = await deployment.token('ada@acme.test');
  const transports = [createGrpcTransport({ baseUrl: deployment.address }), createGrpcWebTransport({ baseUrl: deployment.address, httpVersion: '1.1' }), createConnectTransport({ baseUrl: deployment.address, httpVersion: '1.1' })];
  for (const [index, transport] of transports.entries()) {
    const client = createClient(PromisesService, transport);
    const id = `rpc-${index}`;
    let answered = '';
    await client.listPromises({}, { headers: { authorization: `Bearer ${token}`, 'x-request-id': id }, onHeader: (header) => { answered = header.get('x-request-id') ?? ''; } });
    assert.equal(answered, id);
    const line = await lineOf(id);
    assert.deepEqual({ method: line.method, code: line.code, status: line.status }, { method: 'mod.promist.v1.PromisesService/ListPromises', code: 'OK', status: 200 });
    const refused = await client.listPromises({}, { headers: { 'x-request-id': `${id}-refused` } }).then(() => undefined, (error: unknown) => ConnectError.from(error));
    assert.equal(refused?.code, Code.Unauthenticated);
    assert.equal(refused.metadata.get('x-request-id'), `${id}-refused`);
    assert.equal((await lineOf(`${id}-refused`)).code, 'UNAUTHENTICATED');
  }
});

test('the line of a request tells who asked for what and how it ended, and nothing of what was sent', async () => {
  const created = await deployment.fetch('/v1/promises', { as: 'ada@acme.test', body: { title: 'call aunt Xq7marker' }, headers: { 'x-request-id': 'line-1', traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00` } });
  assert.equal(created.status, 200);
  const line = await lineOf('line-1');
  assert.deepEqual({ ...line, time: 0, durationMs: typeof line.durationMs, accountId: typeof line.accountId, orgId: typeof line.orgId, bytesIn: typeof line.bytesIn, bytesOut: typeof line.bytesOut, address: String(line.address).replace('::ffff:', '').replace('::1', '127.0.0.1') }, {
    level: 'info', time: 0, msg: 'request', method: 'mod.promist.v1.PromisesService/CreatePromise', code: 'OK', status: 200, traceId: 'a'.repeat(32), requestId: 'line-1', durationMs: 'number', accountId: 'string', orgId: 'string', bytesIn: 'number', bytesOut: 'number', address: '127.0.0.1',
  });
  await deployment.fetch('/v1/promises/00000000-0000-7000-8000-000000000000', { as: 'ada@acme.test', headers: { 'x-request-id': 'line-2' } });
  assert.equal((await lineOf('line-2')).reason, 'mod-promist.PROMISE_NOT_FOUND');
  await fetch(`${deployment.address}/nowhere?secret=Xq7marker`, { headers: { 'x-request-id': 'line-3' } });
  assert.deepEqual([(await lineOf('line-3')).path, (await lineOf('line-3')).status], ['/nowhere', 404]);
  assert.ok(!readFileSync(logFile, 'utf8').includes('Xq7marker'));
});

test('without a word about it only failures of our own get a line', async () => {
  const quietFile = join(folder, 'quiet');
  const quiet = await startDeployment({ logFile: quietFile });
  assert.equal((await quiet.fetch('/v1/promises', { as: 'ada@acme.test' })).status, 200);
  assert.equal((await quiet.fetch('/v1/promises')).status, 401);
  await quiet.stop();
  assert.equal(readFileSync(quietFile, 'utf8').split('\n').filter((line) => line.includes('"msg":"request"') && !/"durationMs":\d{4,}/.test(line)).length, 0);
});
