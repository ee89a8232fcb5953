import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { parseScrape, until } from '@mainstay/kernel/testing';
import { PromisesService } from '@mainstay/mod-promist/contract';
import { startDeployment, type TestDeployment } from '../start-deployment.ts';

let deployment: TestDeployment;
before(async () => { deployment = await startDeployment(); });
after(() => deployment.stop());

const scrape = async () => parseScrape(await (await fetch(`${deployment.operatorsAddress}/metrics`)).text());
const ofMethod = (name: string) => ({ module: 'mod-promist', rpc_method: `mod.promist.v1.PromisesService/${name}` });

test('calls are counted exactly, by method and outcome, whatever the protocol', async () => {
  const token = await deployment.token('ada@acme.test');
  const before = await scrape();
  const count = (when: typeof before, method: string, code: string) => when.value('mainstay_calls_total', { ...ofMethod(method), code }) ?? 0;
  const grpc = await deployment.client(PromisesService, token);
  const connect = createClient(PromisesService, createConnectTransport({ baseUrl: deployment.address, httpVersion: '1.1', interceptors: [(next) => (request) => (request.header.set('authorization', `Bearer ${token}`), next(request))] }));
  for (let index = 0; index < 3; index++) assert.equal((await deployment.fetch('/v1/promises', { as: token })).status, 200);
  for (let index = 0; index < 4; index++) await grpc.listPromises({});
  for (let index = 0; index < 5; index++) await connect.listPromises({});
  assert.equal((await deployment.fetch('/v1/promises')).status, 401);
  for (let index = 0; index < 2; index++) assert.equal((await deployment.fetch('/v1/promises/00000000-0000-7000-8000-000000000000', { as: token })).status, 404);
  assert.equal((await deployment.fetch('/v1/promises?page_size=-1', { as: token })).status, 400);
  const now = await scrape();
  assert.equal(count(now, 'ListPromises', 'OK') - count(before, 'ListPromises', 'OK'), 12);
  assert.equal(count(now, 'ListPromises', 'UNAUTHENTICATED') - count(before, 'ListPromises', 'UNAUTHENTICATED'), 1);
  assert.equal(count(now, 'ListPromises', 'INVALID_ARGUMENT') - count(before, 'ListPromises', 'INVALID_ARGUMENT'), 1);
  assert.equal(count(now, 'GetPromise', 'NOT_FOUND') - count(before, 'GetPromise', 'NOT_FOUND'), 2);
  const durations = 'rpc_server_call_duration_seconds';
  assert.equal(now.value(`${durations}_count`, ofMethod('ListPromises'))! - (before.value(`${durations}_count`, ofMethod('ListPromises')) ?? 0), 14);
  assert.ok(now.value(`${durations}_sum`, ofMethod('ListPromises'))! > 0);
  assert.equal(now.value('mainstay_calls_active', ofMethod('ListPromises')), 0);
});

test('the metrics tell of calls, pools, queue, event loop, memory and the build', async () => {
  const now = await scrape();
  for (const name of ['mainstay_calls_total', 'db_client_connection_count', 'db_client_connection_max', 'db_client_connection_pending_requests', 'nodejs_eventloop_time_seconds_total', 'process_memory_resident_bytes', 'v8js_memory_heap_bytes', 'process_cpu_time_seconds_total', 'mainstay_connections', 'mainstay_build_info', 'mainstay_module_up']) assert.ok(now.samples(name).length > 0, name);
  assert.equal(now.value('mainstay_module_up', { module: 'mod-promist' }), 1);
  assert.equal(now.value('mainstay_metrics_unreadable', {}), 0);
});

test('what waits in the queue and what failed for good is counted', async () => {
  const insert = `select graphile_worker.add_job('mod-promist/nothing-runs-this', '{}'::json, max_attempts := 1, run_at := now() - interval '90 seconds')`;
  await deployment.sql(insert);
  await deployment.sql(insert);
  await deployment.sql(`update graphile_worker._private_jobs set attempts = 1 where id = (select max(id) from graphile_worker._private_jobs)`);
  const of = (now: Awaited<ReturnType<typeof scrape>>, state: string) => now.value('mainstay_queue_tasks', { module: 'mod-promist', kind: 'job', state });
  const now = await until(async () => [await scrape()].find((seen) => isDeepStrictEqual([of(seen, 'ready'), of(seen, 'dead'), of(seen, 'running')], [1, 1, 0])), 'one is ready and one failed for good');
  assert.ok(now.value('mainstay_queue_oldest_seconds', { module: 'mod-promist', kind: 'job' })! >= 90);
});

test('names come only from contracts: calls of what does not exist add no label', async () => {
  const before = await scrape();
  await fetch(`${deployment.address}/mod.promist.v1.PromisesService/NoSuchMethod`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
  await fetch(`${deployment.address}/no/such/path`);
  const names = (when: typeof before) => when.samples('mainstay_calls_total').map(({ labels }) => labels.rpc_method).toSorted();
  assert.deepEqual(names(await scrape()), names(before));
});

test('a scraper gets the format that it asks for', async () => {
  const plain = await fetch(`${deployment.operatorsAddress}/metrics`);
  assert.match(plain.headers.get('content-type')!, /^text\/plain; version=0\.0\.4/);
  parseScrape(await plain.text());
  const open = await fetch(`${deployment.operatorsAddress}/metrics`, { headers: { accept: 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5' } });
  assert.match(open.headers.get('content-type')!, /^application\/openmetrics-text; version=1\.0\.0/);
  parseScrape(await open.text(), true);
});

test('metrics are on the operators’ address alone, and nothing else is there', async () => {
  for (const path of ['/metrics', '/livez']) assert.equal((await fetch(deployment.address + path)).status, 404, path);
  assert.deepEqual(await (await fetch(`${deployment.operatorsAddress}/livez`)).json(), { alive: true });
  const ready = await fetch(`${deployment.operatorsAddress}/readyz`);
  assert.equal(ready.status, 200);
  assert.ok(((await ready.json()) as { modules: { name: string; state: string }[] }).modules.some(({ name, state }) => name === 'mod-promist' && state === 'running'));
  for (const path of ['/', '/v1/promises', '/docs', '/openapi.json', '/metrics/x']) assert.equal((await fetch(deployment.operatorsAddress + path)).status, 404, path);
  assert.equal((await fetch(`${deployment.operatorsAddress}/metrics`, { method: 'POST' })).status, 405);
});

test('a taken operators’ port keeps the deployment from starting, and its name is told', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  await assert.rejects(startDeployment({ operators: { port } }), new RegExp(`port ${port} for operators is taken.*operators\\.port`));
  taken.close();
});

test('operators: off opens no address for them', async () => {
  const silent = await startDeployment({ operators: 'off' });
  assert.equal(silent.operatorsAddress, undefined);
  assert.equal((await fetch(`${silent.address}/metrics`)).status, 404);
  await silent.stop();
});
