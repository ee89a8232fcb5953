import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '@mainstay/kernel/testing';
import { startDeployment, type TestDeployment } from '../start-deployment.ts';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from './otlp-receiver.ts';

const folder = mkdtempSync(join(tmpdir(), 'mainstay-log-'));
const logFile = join(folder, 'log');
const callerSpan = 'b'.repeat(16);
let receiver: OtlpReceiver;
let deployment: TestDeployment;

before(async () => {
  process.env.OTEL_METRIC_EXPORT_INTERVAL = '200';
  process.env.OTEL_EXPORTER_OTLP_HEADERS = 'x-collector-key=Xq7marker-of-the-collector';
  receiver = await startOtlpReceiver();
  deployment = await startDeployment({ logFile, telemetry: { otlp: { endpoint: receiver.endpoint, sampling: 0 } } });
});
after(async () => {
  await deployment.stop();
  await receiver.stop();
  rmSync(folder, { recursive: true });
});

let traces = 0;
const newTrace = () => (++traces).toString(16).padStart(32, 'c');
const sampledIn = (traceId: string) => ({ traceparent: `00-${traceId}-${callerSpan}-01`, tracestate: 'vendor=state' });

/** The spans of a trace, once there are as many as `enough` says. */
async function spansOf(traceId: string, enough: (spans: ReceivedSpan[]) => boolean): Promise<ReceivedSpan[]> {
  const spans = () => receiver.spans.filter((span) => span.traceId === traceId);
  await until(() => enough(spans()), () => `there are enough spans: ${JSON.stringify(spans(), null, 1)}`);
  return spans();
}

const named = (spans: ReceivedSpan[], name: string) => spans.find((span) => span.name === name) ?? assert.fail(`no span ${name} among ${spans.map((span) => span.name).join(', ')}`);

async function makePromise(as: string, headers: Record<string, string> = {}): Promise<string> {
  const response = await deployment.fetch('/v1/promises', { as, body: { title: 'water Xq7marker plants' }, headers });
  assert.equal(response.status, 200);
  return ((await response.json()) as { id: string }).id;
}

test('a call that is kept by its caller has a span below the caller’s, and what it calls below that', async () => {
  const id = await makePromise('ada@acme.test');
  const traceId = newTrace();
  const shared = await deployment.fetch(`/v1/promises/${id}:share`, { as: 'ada@acme.test', body: { account: 'ben@acme.test' }, headers: sampledIn(traceId) });
  assert.equal(shared.status, 200);
  const spans = await spansOf(traceId, (all) => all.some(({ name }) => name.endsWith('/SharePromise')));
  const outer = named(spans, 'mod.promist.v1.PromisesService/SharePromise');
  assert.equal(outer.parentSpanId, callerSpan);
  assert.equal(outer.kind, 2);
  assert.equal(outer.traceState, 'vendor=state');
  assert.deepEqual([outer.attributes['rpc.service'], outer.attributes['rpc.method'], outer.status], ['mod.promist.v1.PromisesService', 'SharePromise', 0]);
  const inner = named(spans, 'sys.accounts.v1.AccountsService/FindAccounts');
  assert.equal(inner.parentSpanId, outer.spanId);
  assert.equal(inner.attributes['mainstay.caller_module'], 'mod-promist');
  const transaction = named(spans, 'database transaction');
  assert.equal(transaction.parentSpanId, outer.spanId);
  assert.equal(transaction.attributes['db.system.name'], 'postgresql');
});

test('a failed call names its reason, and no span holds what was sent', async () => {
  const traceId = newTrace();
  await deployment.fetch('/v1/promises/00000000-0000-7000-8000-000000000000', { as: 'ada@acme.test', headers: sampledIn(traceId) });
  const [span] = await spansOf(traceId, (all) => all.some(({ name }) => name.endsWith('/GetPromise'))).then((all) => all.filter(({ name }) => name.endsWith('/GetPromise')));
  assert.deepEqual([span!.status, span!.attributes['error.type']], [2, 'mod-promist.PROMISE_NOT_FOUND']);
  await makePromise('ada@acme.test', sampledIn(newTrace()));
  await sleep(500);
  for (const part of ['Xq7marker', '@acme.test']) assert.ok(!JSON.stringify(receiver.spans).includes(part), part);
});

test('the delivery of an event is a span below the command that announced it, and linked to it', async () => {
  const email = 'leaver@example.test';
  const password = 'a long pass phrase';
  assert.equal((await deployment.fetch('/v1/accounts', { body: { email, password } })).status, 200);
  const session = (await (await deployment.fetch('/v1/sessions', { body: { email, password } })).json()) as { accessToken: string };
  const traceId = newTrace();
  const closed = await deployment.fetch('/v1/accounts/me:close', { as: session.accessToken, body: { accountId: 'me', password }, headers: sampledIn(traceId) });
  assert.equal(closed.status, 200, await closed.text());
  const isDelivery = ({ kind, name }: { kind: number; name: string }) => kind === 5 && name.startsWith('mod-promist/on:');
  const spans = await spansOf(traceId, (all) => all.some(isDelivery));
  const command = named(spans, 'sys.accounts.v1.AccountsService/CloseAccount');
  const delivery = spans.find(isDelivery)!;
  assert.equal(delivery.parentSpanId, command.spanId);
  assert.deepEqual(delivery.links, [{ traceId, spanId: command.spanId }]);
  assert.ok(spans.some(({ name, parentSpanId }) => name === 'database transaction' && parentSpanId === delivery.spanId));
});

test('a call that nobody keeps sends no span, and still hands its trace on', async () => {
  const traceId = newTrace();
  const response = await deployment.fetch('/v1/promises', { as: 'ada@acme.test', headers: { traceparent: `00-${traceId}-${callerSpan}-00` } });
  assert.equal(response.status, 200);
  await deployment.fetch('/v1/promises', { as: 'ada@acme.test' });
  await sleep(700);
  assert.deepEqual(receiver.spans.filter((span) => span.traceId === traceId || !/^c+/.test(span.traceId)), []);
});

test('no more traces are kept than so many in a second, whoever wants them', async () => {
  const collector = await startOtlpReceiver();
  const busy = await startDeployment({ telemetry: { otlp: { endpoint: collector.endpoint, sampling: 1, tracesPerSecond: 3 } } });
  try {
    await busy.fetch('/v1/promises', { as: 'ada@acme.test' });
    await sleep(1100);
    const wanted = new Set(Array.from({ length: 40 }, newTrace));
    const began = performance.now();
    for (const traceId of wanted) assert.equal((await busy.fetch('/v1/promises', { as: 'ada@acme.test', headers: sampledIn(traceId) })).status, 200);
    const most = 3 + 3 * Math.ceil((performance.now() - began) / 1000);
    const kept = () => new Set(collector.spans.map(({ traceId }) => traceId).filter((traceId) => wanted.has(traceId)));
    await until(() => kept().size >= 3);
    await sleep(500);
    assert.ok(kept().size <= most, `${kept().size} of at most ${most}`);
  } finally {
    await busy.stop();
    await collector.stop();
  }
});

test('metrics arrive by OTLP, with their units, and the key for the collector in a header', async () => {
  const durations = await until(() => receiver.metrics.findLast(({ name }) => name === 'rpc.server.call.duration'), 'metrics arrive');
  assert.equal(durations.unit, 's');
  assert.ok(durations.points.some(({ attributes, count }) => attributes['rpc.method'] === 'mod.promist.v1.PromisesService/CreatePromise' && count! >= 2));
  assert.ok(receiver.metrics.some(({ name, points }) => name === 'mainstay.calls' && points.some(({ value }) => value! >= 1)));
  assert.equal(receiver.resource['service.name'], 'mainstay');
  assert.ok(receiver.headers.every((headers) => headers['x-collector-key'] === 'Xq7marker-of-the-collector'));
});

test('a collector that refuses harms no call, is told of once, and gets what comes after it is well again', async () => {
  receiver.answerWith(400);
  for (let index = 0; index < 5; index++) {
    await makePromise('ada@acme.test', sampledIn(newTrace()));
    await sleep(250);
  }
  const told = () => readFileSync(logFile, 'utf8').split('\n').filter((line) => line.includes('does not take them')).length;
  await until(() => told() > 0, 'it is told of');
  assert.equal(told(), 1);
  receiver.answerWith(200);
  const traceId = newTrace();
  await makePromise('ada@acme.test', sampledIn(traceId));
  await spansOf(traceId, (all) => all.length > 0);
  assert.equal(told(), 1);
  assert.ok(!readFileSync(logFile, 'utf8').includes('Xq7marker'));
});
