import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after } from 'node:test';
import { signStandard } from '@mainstay/kernel/testing';
import { everyTopology, startMailServer, until, type TestDeployment } from '@mainstay/testing';
import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { code, send, setUp, someone } from '../testing/sending.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048, publicKeyEncoding: { type: 'spki', format: 'der' }, privateKeyEncoding: { type: 'pkcs8', format: 'pem' } });
const webhookSecret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
Object.assign(process.env, { SYS_EMAIL_DKIM_KEY: privateKey, SYS_EMAIL_WEBHOOK_SECRET: webhookSecret });
const server = await startMailServer();
after(() => server.stop());

const domain = 'mail.example.org';
const from = Object.fromEntries(['login', 'security', 'alert', 'notification'].map((sender) => [sender, `${sender}@${domain}`]));
const options = { phase: 'A', ...setUp({ platform: 'Example', address: 'https://example.org', from, smtp: { host: '127.0.0.1', port: server.port, security: 'none', connections: 1 }, dkim: { domain, selector: 'main' }, waitSeconds: [0, 0, 0], hourlyPerAccount: 1000 }) } as const;

const takenBy = (address: string) => server.taken.filter(({ to }) => to === address);
const untilTaken = (address: string) => until(() => takenBy(address)[0], 'the mail server took it');
const rowOf = async (deployment: TestDeployment, emailId: string) => (await deployment.sqlOf<{ state: string; attempts: number; problem: string; sealed_values: unknown }>('sys-email', 'select state, attempts, problem, sealed_values from sys_email.sys_email_emails where id = $1', [emailId]))[0]!;
const untilState = (deployment: TestDeployment, emailId: string, state: string) => until(async () => (await rowOf(deployment, emailId)).state === state, `it is ${state}`);

everyTopology('a mail server of others gets an e-mail once, signed with the key of its domain', async (deployment) => {
  const to = someone();
  const { emailId } = await send(deployment, { to, toName: 'Zoë "Z" Ünal', language: 'ur', list: 'reminders' });
  const { raw, email } = await untilTaken(to);
  await untilState(deployment, emailId, 'SENT');
  assert.equal(takenBy(to).length, 1);
  assert.deepEqual([email.messageId, email.from?.address, email.from?.name, email.to?.[0]?.name], [`<${emailId}@${domain}>`, `notification@${domain}`, 'Example', 'Zoë "Z" Ünal']);
  assert.match(email.subject!, /^یاد دہانی: /);
  assert.match(email.html!, /<html lang="ur" dir="rtl">/);
  assert.match(email.text!, /https:\/\/example\.test\/1/);
  assert.equal(email.headers.find(({ key }) => key === 'auto-submitted')?.value, 'auto-generated');
  const { results } = await dkimVerify(raw, { resolver: async (name: string) => {
    assert.equal(name, `main._domainkey.${domain}`);
    return [[`v=DKIM1; k=rsa; p=${publicKey.toString('base64')}`]];
  } });
  assert.deepEqual(results.map(({ status }) => status.result), ['pass']);
  const signature = email.headers.find(({ key }) => key === 'dkim-signature')!.value.toLowerCase();
  for (const header of ['list-unsubscribe', 'list-unsubscribe-post', 'subject', 'from', 'to']) assert.match(signature, new RegExp(`h=[^;]*\\b${header}\\b`));
}, options);

everyTopology('one click ends a subscription, and following the link does not', async (deployment) => {
  const to = someone();
  await send(deployment, { to, list: 'reminders' });
  const { email } = await untilTaken(to);
  const header = (name: string) => email.headers.find(({ key }) => key === name)!.value;
  assert.equal(header('list-unsubscribe-post'), 'List-Unsubscribe=One-Click');
  const link = new URL(header('list-unsubscribe').replace(/^<|>$/g, ''));
  assert.equal(link.origin, 'https://example.org');
  const path = link.pathname;
  assert.deepEqual(await (await deployment.fetch(path)).json(), { list: 'reminders', address: `${to[0]}…@acme.test`, subscribed: true });
  const click = (at: string, body: string, type = 'application/x-www-form-urlencoded') => deployment.fetch(at, { method: 'POST', body, headers: { 'content-type': type } });
  assert.equal((await click(path, 'List-Subscribe=Yes')).status, 400);
  const changed = path.slice(0, -3) + (path.at(-3) === 'A' ? 'B' : 'A') + path.slice(-2);
  const otherLasts = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'].filter((last) => last !== path.at(-1)).map((last) => path.slice(0, -1) + last);
  for (const forged of [changed, ...otherLasts, `${path}x`, '/v1/email/unsubscribe/abc', `/v1/email/unsubscribe/${Buffer.from('["a","b"]').toString('base64url')}`]) assert.equal((await click(forged, 'List-Unsubscribe=One-Click')).status, 404, forged);
  const still = await send(deployment, { to, list: 'reminders' });
  await untilState(deployment, still.emailId, 'SENT');
  assert.equal((await click(path, '--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n', 'multipart/form-data; boundary=x')).status, 200);
  assert.equal(((await (await click(path, 'List-Unsubscribe=One-Click')).json()) as { subscribed?: boolean }).subscribed ?? false, false);
  const [stopped, other, codes] = [await send(deployment, { to, list: 'reminders' }), await send(deployment, { to, list: 'shares' }), await send(deployment, code(to))];
  await untilState(deployment, stopped.emailId, 'SUPPRESSED');
  await untilState(deployment, other.emailId, 'SENT');
  await untilState(deployment, codes.emailId, 'SENT');
}, options);

everyTopology('what is refused for now is tried again, the same to the last byte; what is refused for good is not', async (deployment) => {
  const [later, nobody, spam] = [someone(), someone(), someone()];
  const refused: Buffer[] = [];
  server.answers.toAddress = (address) => (address === nobody ? [550, '5.1.1 no such user'] : undefined);
  server.answers.toMessage = ({ to, raw }) => {
    if (to === spam) return [554, '5.7.1 refused by policy'];
    if (to !== later || refused.push(raw) > 2) return undefined;
    return [451, '4.3.0 try again'];
  };
  const [first, second, third] = [await send(deployment, { to: later }), await send(deployment, { to: nobody }), await send(deployment, { to: spam })];
  await untilState(deployment, first.emailId, 'SENT');
  await untilState(deployment, second.emailId, 'BOUNCED');
  await untilState(deployment, third.emailId, 'FAILED');
  const withoutSignature = (raw: Buffer) => raw.toString().replace(/^DKIM-Signature:.*?\r\n(?! )/ms, '');
  assert.equal(new Set(refused.map(withoutSignature)).size, 1);
  assert.equal(refused.length, 3);
  assert.deepEqual([(await rowOf(deployment, first.emailId)).attempts, (await rowOf(deployment, third.emailId)).problem], [3, '554 5.7.1 refused by policy (answer to DATA)']);
  const again = await send(deployment, code(nobody));
  await untilState(deployment, again.emailId, 'SUPPRESSED');
  assert.equal((await rowOf(deployment, again.emailId)).sealed_values, null);
}, options);

everyTopology('what the mail provider tells by webhook ends e-mails to an address', async (deployment) => {
  const [bounced, complained] = [someone(), someone()];
  const { emailId } = await send(deployment, { to: bounced });
  await untilState(deployment, emailId, 'SENT');
  const tell = async (events: object[], secret = webhookSecret) => {
    const [id, timestamp, body] = [crypto.randomUUID(), String(Math.floor(Date.now() / 1000)), JSON.stringify({ events })];
    return (await deployment.fetch('/v1/webhooks/in/sys-email/bounces', { body, headers: { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signStandard(secret, id, timestamp, body) } })).status;
  };
  const events = [{ type: 'bounced', address: bounced.toUpperCase(), messageId: `<${emailId}@${domain}>`, detail: 'mailbox full' }, { type: 'complained', address: complained }];
  assert.equal(await tell(events, `whsec_${Buffer.alloc(24, 8).toString('base64')}`), 401);
  assert.equal((await rowOf(deployment, emailId)).state, 'SENT');
  assert.equal(await tell([{ ...events[0], permanent: false }, ...events]), 200);
  await untilState(deployment, emailId, 'BOUNCED');
  await until(async () => (await deployment.sqlOf('sys-email', 'select from sys_email.sys_email_suppressions where address = $1', [complained])).length > 0, 'the complaint is noted');
  await untilState(deployment, (await send(deployment, code(bounced))).emailId, 'SUPPRESSED');
  await untilState(deployment, (await send(deployment, { to: complained })).emailId, 'SUPPRESSED');
  await untilState(deployment, (await send(deployment, code(complained))).emailId, 'SENT');
}, options);

everyTopology('what is urgent goes before what is not, each first in, first out', async (deployment) => {
  const people = Array.from({ length: 6 }, someone);
  const [held, low1, low2, high1, high2, low3] = people as [string, string, string, string, string, string];
  let release = () => {};
  const holding = new Promise<undefined>((resolve) => (release = () => resolve(undefined)));
  let isHolding = false;
  server.answers.toMessage = ({ to }) => {
    if (to !== held) return undefined;
    isHolding = true;
    return holding;
  };
  await send(deployment, { to: held, priority: 'LOW' });
  await until(() => isHolding, 'the mail server is busy');
  for (const [to, priority] of [[low1, 'LOW'], [low2, 'LOW'], [high1, 'HIGH'], [high2, 'HIGH'], [low3, 'LOW']] as const) await send(deployment, { to, priority });
  release();
  for (const to of [low1, low2, high1, high2, low3]) await untilTaken(to);
  const order = server.taken.map(({ to }) => to).filter((to) => people.includes(to));
  const [others, inOrder] = [order.filter((to) => to !== held), [high1, high2, low1, low2, low3]];
  // Of replicas the one that is not held up sends what comes as it comes.
  if (Object.keys(deployment.peers).some((name) => /^sys-main-\d$/.test(name))) assert.deepEqual(others.sort(), inOrder.sort());
  else assert.deepEqual(others, inOrder);
}, options);
