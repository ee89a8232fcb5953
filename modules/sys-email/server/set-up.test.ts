import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startDeployment, startMailServer, until } from '@mainstay/testing';
import { generate } from 'selfsigned';
import { send, setUp, someone } from '../testing/sending.ts';

const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], { extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }] });
const login = { user: 'mainstay', password: 'a password that is not told' };
const [guarded, open] = [await startMailServer({ tls: { key, cert }, login }), await startMailServer()];
after(() => Promise.all([guarded.stop(), open.stop()]));

/** The phase in which e-mails are sent to people, and what became of the only one. */
async function sendIn(smtp: object | undefined, environment: Record<string, string> = {}) {
  Object.assign(process.env, environment);
  const deployment = await startDeployment({ phase: 'A', ...setUp(smtp && { smtp, waitSeconds: [0, 3600] }) });
  try {
    const to = someone();
    const answer = await send(deployment, { to });
    const row = async () => (await deployment.sql<{ state: string; attempts: number; problem: string }>('select state, attempts, problem from sys_email.sys_email_emails'))[0];
    const ended = answer.status === 200 ? await until(async () => { const found = await row(); return found && (found.state === 'SENT' || found.attempts > 0) && found; }, 'it was tried') : undefined;
    return { to, answer, announced: deployment.announced.join('\n'), ended };
  } finally {
    for (const name of Object.keys(environment)) delete process.env[name];
    await deployment.stop();
  }
}

test('a mail server is signed in to over an encrypted connection', async () => {
  const { to, ended } = await sendIn({ host: 'localhost', port: guarded.port, ca: cert, user: login.user }, { SYS_EMAIL_SMTP_PASSWORD: login.password });
  assert.deepEqual([ended?.state, ended?.problem], ['SENT', '']);
  assert.deepEqual(guarded.taken.map((email) => email.to), [to]);
});

test('a server that nobody vouches for, that does not encrypt, or that takes no such password gets nothing, and it is tried again', async () => {
  const before = guarded.taken.length;
  const unknown = await sendIn({ host: 'localhost', port: guarded.port, user: login.user }, { SYS_EMAIL_SMTP_PASSWORD: login.password });
  const plain = await sendIn({ host: '127.0.0.1', port: open.port });
  const wrong = await sendIn({ host: 'localhost', port: guarded.port, ca: cert, user: login.user }, { SYS_EMAIL_SMTP_PASSWORD: 'another password' });
  for (const { ended } of [unknown, plain, wrong]) assert.equal(ended?.state, 'QUEUED', ended?.problem ?? 'it was not queued');
  assert.match(unknown.ended!.problem, /certificate/i);
  assert.match(plain.ended!.problem, /STARTTLS|TLS/);
  assert.match(wrong.ended!.problem, /535/);
  assert.deepEqual([guarded.taken.length, open.taken.length], [before, 0]);
});

test('without a mail server whoever starts it in phase A is told, and so is whoever sends', async () => {
  const { answer, announced } = await sendIn(undefined);
  assert.match(announced, /No e-mail can be sent: no mail server is configured/);
  assert.deepEqual([answer.status, answer.reason], [400, 'EMAIL_NOT_SET_UP']);
});

test('what can not work is told at the start', async () => {
  const { SYS_EMAIL_DKIM_KEY: key } = process.env;
  delete process.env.SYS_EMAIL_DKIM_KEY;
  after(() => key === undefined || (process.env.SYS_EMAIL_DKIM_KEY = key));
  const start = (config: object) => startDeployment({ phase: 'A', ...setUp({ smtp: { host: '127.0.0.1', port: open.port, security: 'none' }, ...config }) });
  await assert.rejects(start({ dkim: { domain: 'example.org', selector: 'main' } }), /sys-email has dkim and no key: set the environment variable SYS_EMAIL_DKIM_KEY/);
  await assert.rejects(start({ smtp: { host: '127.0.0.1', port: open.port, user: 'ada' } }), /set the environment variable SYS_EMAIL_SMTP_PASSWORD/);
  await assert.rejects(start({ from: { login: 'nobody' } }), /from\.login/);
});
