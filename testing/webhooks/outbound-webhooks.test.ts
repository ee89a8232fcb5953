import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError } from '@connectrpc/connect';
import { reasonOf } from '@mainstay/kernel';
import { until } from '@mainstay/kernel/testing';
import { PromisesService } from '@mainstay/mod-promist/contract';
import { OrgsService } from '@mainstay/sys-accounts/contract';
import { WebhookDelivery_Outcome as Outcome, WebhookEndpoint_State as State, WebhooksService, type WebhookDelivery } from '@mainstay/sys-core/contract';
import { everyTopology, isSigned, startReceiver, type TakenWebhook, type TestDeployment } from '../index.ts';

const [ada, olga, root, eve] = ['ada@acme.test', 'olga@acme.test', 'root@mainstay.test', 'eve@umbrella.test'];
const made = 'mod.promist.v1.PromiseMade';
const options = { modules: { 'sys-core': { webhooks: { waitSeconds: [0, 1, 1], perEndpoint: 3, timeoutSeconds: 6, maxEndpoints: 50 } }, 'sys-accounts': null, 'sys-email': null, 'mod-promist': null } };

const receiver = await startReceiver();
after(() => receiver.stop());
/** What came to a path. */
const at = (path: string): TakenWebhook[] => receiver.taken.filter((one) => one.path === path);

/** A new endpoint of somebody, once it is told of events. */
async function subscribe(deployment: TestDeployment, as: string, eventTypes = [made], url = `${receiver.url}/${crypto.randomUUID()}`) {
  const client = await deployment.client(WebhooksService, as);
  const { webhookEndpoint, secret } = await client.createWebhookEndpoint({ webhookEndpoint: { url, eventTypes } });
  // A second, and another until every process has asked.
  await sleep(2500);
  return { client, id: webhookEndpoint!.webhookEndpointId, secret, path: new URL(url).pathname };
}

async function promise(deployment: TestDeployment, as = ada, title = 'to be told of'): Promise<string> {
  return (await (await deployment.client(PromisesService, as)).createPromise({ promise: { title } })).id;
}

const deliveriesOf = async ({ client, id }: Awaited<ReturnType<typeof subscribe>>): Promise<WebhookDelivery[]> => (await client.listWebhookDeliveries({ filter: `webhook_endpoint_id = "${id}"` })).webhookDeliveries;
const ended = (endpoint: Awaited<ReturnType<typeof subscribe>>, outcome: Outcome) => until(async () => (await deliveriesOf(endpoint)).find((one) => one.outcome === outcome));

everyTopology('an org is told of what happens in it, signed, and the deployment of what happens anywhere', async (deployment) => {
  const own = await subscribe(deployment, olga);
  const all = await subscribe(deployment, root);
  const [acmes, umbrellas] = [await promise(deployment), await promise(deployment, eve)];
  await until(() => at(own.path).length === 1 && at(all.path).length === 2);
  await sleep(500);
  const [told] = at(own.path);
  assert.deepEqual(at(own.path).map(({ event }) => [event.type, event.subject]), [[made, acmes]]);
  assert.deepEqual(at(all.path).map(({ event }) => event.subject).sort(), [acmes, umbrellas].sort());
  assert.ok(isSigned(own.secret, told!.headers, told!.body));
  assert.ok(!isSigned(all.secret, told!.headers, told!.body));
  assert.equal(told!.headers['content-type'], 'application/cloudevents+json; charset=utf-8');
  const { specversion, source, time } = told!.event as unknown as Record<string, string>;
  assert.deepEqual([specversion, source, Number.isNaN(Date.parse(time!))], ['1.0', '/mod-promist', false]);
  const delivery = await ended(own, Outcome.DELIVERED);
  assert.deepEqual([delivery.webhookDeliveryId, delivery.lastTry?.responseStatus, delivery.lastTry?.problem, delivery.nextTryTime], [told!.id, 204, '', undefined]);
}, options);

everyTopology('what is not taken is sent again under the same id, and given up after the last try', async (deployment) => {
  const endpoint = await subscribe(deployment, olga);
  receiver.answer = (taken, response) => void response.writeHead(taken.path === endpoint.path && at(endpoint.path).length < 3 ? 503 : 200).end('thank you');
  await promise(deployment);
  const delivery = await ended(endpoint, Outcome.DELIVERED);
  assert.deepEqual([delivery.attempts, new Set(at(endpoint.path).map(({ id }) => id)).size, at(endpoint.path).length], [3, 1, 3]);
  const { tries } = await endpoint.client.getWebhookDelivery({ webhookDeliveryId: delivery.webhookDeliveryId });
  assert.deepEqual(tries.map(({ responseStatus, problem }) => [responseStatus, problem]), [[503, 'it answered 503'], [503, 'it answered 503'], [200, '']]);
  assert.equal(tries[2]!.responseExcerpt, 'thank you');
  receiver.answer = (_, response) => void response.writeHead(500).end();
  await promise(deployment);
  const failed = await ended(endpoint, Outcome.FAILED);
  assert.deepEqual([failed.attempts, failed.nextTryTime], [3, undefined]);
  assert.ok((await endpoint.client.getWebhookEndpoint({ webhookEndpointId: endpoint.id })).failingSince);
  receiver.answer = (_, response) => void response.writeHead(204).end();
  await endpoint.client.redeliverWebhook({ webhookDeliveryId: failed.webhookDeliveryId });
  await until(async () => (await deliveriesOf(endpoint)).every(({ outcome }) => outcome === Outcome.DELIVERED));
  assert.equal((await endpoint.client.getWebhookEndpoint({ webhookEndpointId: endpoint.id })).failingSince, undefined);
}, options);

everyTopology('the old secret counts for a while, and no list, message or row shows any', async (deployment) => {
  const endpoint = await subscribe(deployment, olga);
  const { secret } = await endpoint.client.rotateWebhookSecret({ webhookEndpointId: endpoint.id });
  assert.match(secret, /^whsec_[\w+/]{43}=$/);
  const { webhookDeliveryId } = await endpoint.client.testWebhookEndpoint({ webhookEndpointId: endpoint.id });
  const told = await until(() => at(endpoint.path)[0]);
  assert.deepEqual([told.event.type, told.id], ['sys.core.v1.WebhookTested', webhookDeliveryId]);
  assert.ok(isSigned(secret, told.headers, told.body) && isSigned(endpoint.secret, told.headers, told.body) && secret !== endpoint.secret);
  const shown = await Promise.all([`/v1/webhooks/endpoints`, `/v1/webhooks/endpoints/${endpoint.id}`, '/v1/webhooks/deliveries', '/v1/audit/entries?page_size=200'].map(async (path) => (await deployment.fetch(path, { as: olga })).text()));
  const rows = await deployment.sqlOf('sys-core', 'select row_to_json(e)::text as kept from sys_core.sys_core_webhook_endpoints e union all select row_to_json(c)::text from sys_core.sys_core_commands c');
  for (const given of [secret, endpoint.secret]) {
    const written = [given, given.slice('whsec_'.length), Buffer.from(given).toString('hex')];
    for (const text of [...shown, JSON.stringify(rows)]) for (const one of written) assert.ok(!text.includes(one));
  }
  await deployment.sqlOf('sys-core', "update sys_core.sys_core_webhook_endpoints set previous_until = now() where id = $1", [endpoint.id]);
  await endpoint.client.testWebhookEndpoint({ webhookEndpointId: endpoint.id });
  const later = await until(() => at(endpoint.path)[1]);
  assert.deepEqual([isSigned(secret, later.headers, later.body), isSigned(endpoint.secret, later.headers, later.body)], [true, false]);
}, options);

everyTopology('an endpoint that is gone, or failed for days, is disabled, and its owner is told by an event', async (deployment) => {
  const owner = await subscribe(deployment, olga, ['sys.core.v1.WebhookEndpointDisabled']);
  const [gone, failing] = [await subscribe(deployment, olga), await subscribe(deployment, olga)];
  receiver.answer = ({ path }, response) => void response.writeHead(path === gone.path ? 410 : path === failing.path ? 500 : 204).end();
  await gone.client.testWebhookEndpoint({ webhookEndpointId: gone.id });
  await failing.client.testWebhookEndpoint({ webhookEndpointId: failing.id });
  await until(async () => (await failing.client.getWebhookEndpoint({ webhookEndpointId: failing.id })).failingSince);
  assert.equal((await failing.client.getWebhookEndpoint({ webhookEndpointId: failing.id })).state, State.ENABLED);
  await deployment.sqlOf('sys-core', "update sys_core.sys_core_webhook_endpoints set failing_since = now() - interval '5 days 1 minute' where id = $1", [failing.id]);
  await until(() => at(owner.path).length === 2);
  const told = new Map(at(owner.path).map(({ event: { data } }) => [data.webhookEndpointId, String(data.because)]));
  assert.match(told.get(gone.id)!, /410/);
  assert.match(told.get(failing.id)!, /5 days/);
  const endpoint = await failing.client.getWebhookEndpoint({ webhookEndpointId: failing.id });
  assert.deepEqual([endpoint.state, endpoint.disabledBecause], [State.DISABLED, told.get(failing.id)]);
  assert.deepEqual((await deliveriesOf(failing)).map(({ outcome }) => outcome), [Outcome.FAILED]);
  await assert.rejects(failing.client.testWebhookEndpoint({ webhookEndpointId: failing.id }), (error) => reasonOf(error) === 'sys-core.WEBHOOK_ENDPOINT_DISABLED');
  receiver.answer = (_, response) => void response.writeHead(204).end();
  await failing.client.updateWebhookEndpoint({ webhookEndpointId: failing.id, webhookEndpoint: { state: State.ENABLED } });
  await failing.client.testWebhookEndpoint({ webhookEndpointId: failing.id });
  await ended(failing, Outcome.DELIVERED);
}, options);

everyTopology('an endpoint that is slow gets no more at once than it may, and holds up no other', async (deployment) => {
  const [slow, quick] = [await subscribe(deployment, olga), await subscribe(deployment, olga)];
  let [open, most] = [0, 0];
  receiver.answer = ({ path }, response) => {
    if (path !== slow.path) return void response.writeHead(204).end();
    most = Math.max(most, ++open);
    response.once('close', () => open--);
    setTimeout(() => response.writeHead(204).end(), 700);
  };
  for (let count = 0; count < 8; count++) await slow.client.testWebhookEndpoint({ webhookEndpointId: slow.id });
  await until(() => open > 0);
  await quick.client.testWebhookEndpoint({ webhookEndpointId: quick.id });
  await until(() => at(quick.path).length === 1);
  assert.ok(at(slow.path).length < 8);
  await until(() => at(slow.path).length === 8);
  assert.equal(most, 3);
}, options);

everyTopology('Retry-After puts the next try off, and an endpoint that never answers is given up in time', async (deployment) => {
  const [patient, silent] = [await subscribe(deployment, olga), await subscribe(deployment, olga)];
  receiver.answer = ({ path }, response) => {
    if (path === patient.path) response.writeHead(429, { 'retry-after': '3600' }).end();
    else if (path !== silent.path) response.writeHead(204).end();
  };
  for (const one of [patient, silent]) await one.client.testWebhookEndpoint({ webhookEndpointId: one.id });
  const tried = async (of: typeof patient) => (await deliveriesOf(of))[0]!;
  await until(async () => (await tried(patient)).lastTry && (await tried(silent)).lastTry);
  const { nextTryTime, lastTry } = await tried(patient);
  assert.equal(Math.round((Number(nextTryTime!.seconds) - Number(lastTry!.time!.seconds)) / 60), 60);
  const { responseStatus, problem } = (await tried(silent)).lastTry!;
  assert.deepEqual([responseStatus, problem], [0, 'no answer within 6 seconds']);
}, options);

everyTopology('an endpoint whose secret the deployment can no longer read is sent nothing, and its log says what to do', async (deployment) => {
  const endpoint = await subscribe(deployment, olga);
  await deployment.sqlOf('sys-core', 'update sys_core.sys_core_webhook_endpoints set secret = set_byte(secret, 40, (get_byte(secret, 40) + 1) % 256) where id = $1', [endpoint.id]);
  await endpoint.client.testWebhookEndpoint({ webhookEndpointId: endpoint.id });
  assert.match((await ended(endpoint, Outcome.FAILED)).lastTry!.problem, /rotate it/);
  assert.equal(at(endpoint.path).length, 0);
}, options);

everyTopology('nobody reaches endpoints and deliveries of another org, and operators reach those of every org', async (deployment) => {
  const endpoint = await subscribe(deployment, olga);
  const { webhookDeliveryId } = await endpoint.client.testWebhookEndpoint({ webhookEndpointId: endpoint.id });
  const orgId = (await endpoint.client.getWebhookEndpoint({ webhookEndpointId: endpoint.id })).orgId;
  const admin = await deployment.client(OrgsService, root);
  const { orgs } = await admin.listOrgs({});
  const umbrella = orgs.find(({ name }) => name === 'Umbrella')!.orgId;
  const operator = await deployment.client(WebhooksService, root);
  assert.ok((await operator.listWebhookEndpoints({ orgId })).webhookEndpoints.some(({ webhookEndpointId }) => webhookEndpointId === endpoint.id));
  assert.ok(!(await operator.listWebhookEndpoints({})).webhookEndpoints.some(({ webhookEndpointId }) => webhookEndpointId === endpoint.id));
  assert.equal((await operator.getWebhookDelivery({ webhookDeliveryId })).webhookEndpointId, endpoint.id);
  const deployments = await subscribe(deployment, root);
  await assert.rejects(endpoint.client.getWebhookEndpoint({ webhookEndpointId: deployments.id }), (error) => ConnectError.from(error).code === Code.NotFound);
  await assert.rejects(endpoint.client.listWebhookEndpoints({ orgId: umbrella }), (error) => ConnectError.from(error).code === Code.NotFound);
  await assert.rejects((await deployment.client(WebhooksService, ada)).listWebhookEndpoints({}), (error) => ConnectError.from(error).code === Code.PermissionDenied);
}, options);

everyTopology('an event that nobody wants any more is queued for nobody, and one that comes twice is sent once', async (deployment) => {
  const endpoint = await subscribe(deployment, olga);
  const id = await promise(deployment);
  await until(() => at(endpoint.path).length === 1);
  const [{ event }] = await deployment.sqlOf<{ event: string }>('sys-core', 'select body as event from sys_core.sys_core_webhook_deliveries where endpoint_id = $1', [endpoint.id]) as [{ event: string }];
  assert.equal((JSON.parse(event) as { subject: string }).subject, id);
  await deployment.sqlOf('sys-core', 'delete from sys_core.sys_core_inbox where handler = $1', ['webhooks']);
  await deployment.sqlOf('sys-core', "select graphile_worker.add_job('sys-core/on:webhooks', $1::json)", [JSON.stringify({ ...JSON.parse(event) as object, traceid: '0'.repeat(32) })]);
  await until(async () => (await deployment.sqlOf('sys-core', "select from sys_core.sys_core_inbox where handler = 'webhooks'")).length > 0);
  await sleep(1000);
  assert.equal(at(endpoint.path).length, 1);
  const everybodys = async () => {
    const rows = await deployment.sqlOf<{ id: string }>('sys-core', 'select id from sys_core.sys_core_webhook_endpoints');
    const operator = await deployment.client(WebhooksService, root);
    for (const row of rows) await operator.deleteWebhookEndpoint({ webhookEndpointId: row.id });
  };
  await everybodys();
  await until(async () => (await deployment.sqlOf('mod-promist', "select from mainstay.subscriptions where handler = 'webhooks'")).length === 0);
}, options);

test('the receiver of these tests tells signatures by the vector that the Standard Webhooks specification publishes', () => {
  const headers = { 'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek', 'webhook-timestamp': '1614265330', 'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=' };
  const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
  assert.deepEqual([isSigned(secret, headers, '{"test": 2432232314}'), isSigned(secret, headers, '{"test": 2432232315}')], [true, false]);
});
