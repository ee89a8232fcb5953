import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { signStandard } from '@mainstay/kernel/testing';
import { everyTopology, type TestDeployment, until } from '@mainstay/testing';

const secret = 'whsec_' + Buffer.alloc(24, 9).toString('base64');
/** Where the webhook's module, in whichever process, writes what it handled. */
const folder = mkdtempSync(join(tmpdir(), 'mainstay-handled-'));
after(() => rmSync(folder, { recursive: true }));
writeFileSync(join(folder, 'handled'), '');
const setUp = { modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-probe': { folder, secret } }, moduleFiles: [import.meta.resolve('../testing/webhook-module.ts')] };

async function send(deployment: TestDeployment, id: string, body = '{"order": "A7"}', { name = 'paid', headers = {} } = {}) {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const answer = await deployment.fetch(`/v1/webhooks/in/mod-probe/${name}`, { body, headers: { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signStandard(secret, id, timestamp, body), ...headers } });
  const content = await answer.json() as { repeated?: boolean; reason?: string; code?: string };
  return { status: answer.status, text: JSON.stringify(content), repeated: content.repeated ?? false };
}
const of = (id: string) => readFileSync(join(folder, 'handled'), 'utf8').split('\n').filter((each) => each.startsWith(`${id} `));

everyTopology('a webhook is handled in its org, once, however often it is sent, and again if its handler fails', async (deployment) => {
  const id = crypto.randomUUID();
  writeFileSync(join(folder, 'fails'), '');
  assert.deepEqual(await send(deployment, id).then(({ status, repeated }) => [status, repeated]), [200, false]);
  const again = await Promise.all([1, 2, 3].map(() => send(deployment, id)));
  assert.deepEqual(again.map(({ status, repeated }) => [status, repeated]), [[200, true], [200, true], [200, true]]);
  await until(() => of(id).length > 0);
  assert.ok(!existsSync(join(folder, 'fails')), 'it failed once');
  await send(deployment, id);
  await sleep(300);
  assert.deepEqual(of(id), [`${id} A7 true`]);
}, setUp);

everyTopology('what is not signed, not valid, too large or for nobody is refused, and nothing is kept', async (deployment) => {
  const jobs = async () => (await deployment.sqlOf('mod-probe', "select from graphile_worker._private_jobs join graphile_worker._private_tasks as tasks on tasks.id = task_id where identifier like '%webhook:%'")).length;
  const allDone = () => until(async () => (await jobs()) === 0, 'what was taken is done');
  await allDone();
  const refused = async (status: number, reason: RegExp, ...given: Parameters<typeof send> extends [unknown, ...infer R] ? R : never) => {
    const answer = await send(deployment, ...given);
    assert.equal(answer.status, status, answer.text);
    assert.match(answer.text, reason);
  };
  await refused(401, /WEBHOOK_SIGNATURE_INVALID/, 'x1', '{"order": "A7"}', { headers: { 'webhook-signature': 'v1,aGVsbG8=' } });
  await refused(401, /WEBHOOK_TIME_INVALID/, 'x2', '{"order": "A7"}', { headers: { 'webhook-timestamp': '1614265330' } });
  await refused(400, /WEBHOOK_HEADERS_MISSING/, 'x3', '{"order": "A7"}', { headers: { 'webhook-id': '' } });
  await refused(400, /WEBHOOK_PAYLOAD_INVALID/, 'x4', '{"order": 7}');
  await refused(400, /WEBHOOK_PAYLOAD_INVALID/, 'x5', '{');
  await refused(429, /WEBHOOK_TOO_LARGE/, 'x6', JSON.stringify({ order: 'x'.repeat(1024 * 1024) }));
  await refused(404, /WEBHOOK_UNKNOWN/, 'x7', '{"order": "A7"}', { name: 'other' });
  await refused(400, /WEBHOOK_NOT_SET_UP/, 'x8', '{"order": "A7"}', { name: 'bare' });
  const unlike = crypto.randomUUID();
  await refused(400, /IF_MATCH_NOT_COMPARED/, unlike, '{"order": "A7"}', { headers: { 'if-match': '*' } });
  assert.equal(await jobs(), 0);
  assert.deepEqual(await send(deployment, unlike).then(({ repeated }) => repeated), false);
  await until(() => of(unlike).length > 0);
  await allDone();
  assert.equal((await deployment.fetch('/v1/webhooks/in/mod-nobody/paid', { body: '{}' })).status, 404);
  assert.equal(await jobs(), 0);
}, setUp);
