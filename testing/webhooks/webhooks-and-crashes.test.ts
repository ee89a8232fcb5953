import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { testDatabase, type TestDatabase, until } from '@mainstay/kernel/testing';
import { WebhooksService } from '@mainstay/sys-core/contract';
import { signIn } from '../sign-in.ts';
import { isSigned, startReceiver } from './webhook-receiver.ts';

let database: TestDatabase;
let folder: string;
let child: ChildProcess | undefined;
const secret = randomBytes(32).toString('hex');
const receiver = await startReceiver();

before(async () => {
  database = await testDatabase();
  folder = mkdtempSync(join(tmpdir(), 'mainstay-webhooks-'));
});

after(async () => {
  await kill();
  receiver.stop();
  await database.drop();
  rmSync(folder, { recursive: true });
});

async function start(): Promise<string> {
  child = fork(new URL('./sending-process.ts', import.meta.url), [database.adminUrl, database.name, secret, folder], { execArgv: [] });
  const [address] = await once(child, 'message') as [string];
  return address;
}

async function kill(): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const untilTaken = (count: number) => until(() => receiver.taken.length >= count, () => `${count} came: ${receiver.taken.length} did`);

const rest = async (address: string, path: string, body: unknown, as = 'olga@acme.test'): Promise<any> => {
  const answer = await fetch(address + path, { method: 'POST', headers: { authorization: `Bearer ${await signIn(address, as)}`, 'content-type': 'application/json' }, body: JSON.stringify(body) });
  assert.equal(answer.status, 200, await answer.clone().text());
  return answer.json();
};

test('a process that is killed between tries, and in the midst of one, leaves nothing behind that is not sent', async () => {
  const address = await start();
  const { secret: key } = await rest(address, '/v1/webhooks/endpoints', { webhookEndpoint: { url: `${receiver.url}/`, eventTypes: ['mod.promist.v1.PromiseMade'] } });
  await until(async () => (await database.sql("select from mainstay.subscriptions where handler = 'webhooks'")).length > 0, 'it is told of events');
  receiver.answer = (_, response) => void response.writeHead(503).end();
  const { id } = await rest(address, '/v1/promises', { title: 'to be told of' }, 'ada@acme.test');
  await untilTaken(1);
  await until(async () => (await database.sql('select from sys_core.sys_core_webhook_deliveries where attempts > 0')).length > 0, 'the try is noted');
  await kill();
  // It is sent to nobody's avail, and killed again before an answer.
  receiver.answer = () => {};
  await start();
  await untilTaken(2);
  await kill();
  receiver.answer = (_, response) => void response.writeHead(204).end();
  const last = await start();
  await untilTaken(3);
  assert.equal(new Set(receiver.taken.map((one) => one.id)).size, 1);
  assert.deepEqual(receiver.taken.map((one) => [one.event.subject, isSigned(key as string, one.headers, one.body)]), [[id, true], [id, true], [id, true]]);
  const token = await signIn(last, 'olga@acme.test');
  const client = createClient(WebhooksService, createGrpcTransport({ baseUrl: last, interceptors: [(next) => (request) => {
    request.header.set('authorization', `Bearer ${token}`);
    return next(request);
  }] }));
  const delivery = await until(async () => (await client.listWebhookDeliveries({ filter: 'outcome = DELIVERED' })).webhookDeliveries[0], 'it is noted as delivered');
  // The try that was killed has left no trace.
  assert.equal(delivery.attempts, 2);
});
