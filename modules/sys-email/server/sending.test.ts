import assert from 'node:assert/strict';
import { emailsTo, everyTopology, until, type TestDeployment } from '@mainstay/testing';
import { EmailsService, Email_State as State } from '../contract/index.ts';
import { code, send, setUp, someone } from '../testing/sending.ts';

const options = setUp();
const operators = (deployment: TestDeployment) => deployment.client(EmailsService, 'root@mainstay.test');
const arrived = (deployment: TestDeployment, address: string, count = 1) => until(async () => {
  const emails = await emailsTo(deployment, address);
  return emails.length >= count && emails;
}, 'the e-mail is in the mailbox');

everyTopology('an e-mail comes in the language of its reader, as text and as HTML, and once', async (deployment) => {
  const to = someone();
  const { emailId, ...answer } = await send(deployment, { to, toName: 'Ada', language: 'de-AT', values: { title: 'Bücher <b> & "Blumen"', link: 'https://example.test/?a=1&b=2' } });
  assert.equal(answer.status, 200, answer.detail);
  const [email, ...others] = await arrived(deployment, to);
  assert.deepEqual(others, []);
  assert.deepEqual([email!.emailId, email!.subject, email!.language, email!.toHeader], [emailId, 'Erinnerung: Bücher <b> & "Blumen"', 'de', `"Ada" <${to}>`]);
  assert.match(email!.text, /^Erinnerung\n\nBücher <b> & "Blumen"\n\nÖffnen:\nhttps:\/\/example\.test\/\?a=1&b=2\n/);
  assert.match(email!.html, /<html lang="de" dir="ltr">/);
  assert.match(email!.html, /<bdi>Bücher &#60;b&#62; &#38; &#34;Blumen&#34;<\/bdi>/);
  assert.match(email!.html, /href="https:\/\/example\.test\/\?a=1&#38;b=2"/);
  assert.equal(email!.headers['Message-ID'], `<${emailId}@localhost.localdomain>`);
  const { state, attempts } = await (await operators(deployment)).getEmail({ emailId });
  assert.deepEqual([state, attempts], [State.SENT, 1]);
}, options);

everyTopology('an unknown language is answered in English, and Urdu is written from right to left', async (deployment) => {
  const [unknown, urdu] = [someone(), someone()];
  await send(deployment, { to: unknown, language: 'pt-BR' });
  await send(deployment, code(urdu, { language: 'ur' }));
  assert.equal((await arrived(deployment, unknown))[0]!.language, 'en');
  const [email] = await arrived(deployment, urdu);
  assert.match(email!.html, /<html lang="ur" dir="rtl">/);
  assert.match(email!.html, /<p class="code" dir="ltr"[^>]*><bdi>428117<\/bdi>/);
  assert.match(email!.text, /^ {4}428117$/m);
}, options);

everyTopology('what is wrong with an e-mail is said at once, and nothing is sent', async (deployment) => {
  const to = someone();
  const refused = async (reason: string, detail: RegExp, wanted: object) => {
    const answer = await send(deployment, { to, ...wanted });
    assert.equal(answer.reason, reason, JSON.stringify(answer));
    assert.match(answer.detail, detail);
  };
  await refused('TEMPLATE_OF_ANOTHER', /mod-probe may not send sys-email\/test/, { template: 'sys-email/test', values: {} });
  await refused('TEMPLATE_NOT_FOUND', /no template mod-probe\/nothing/, { template: 'mod-probe/nothing' });
  await refused('VALUES_INVALID', /\{link\} is missing/, { values: { title: 'x' } });
  await refused('VALUES_INVALID', /it has no \{other\}/, { values: { title: 'x', link: 'https://example.test/', other: 'x' } });
  await refused('VALUES_INVALID', /\{link\} is no address of the web/, { values: { title: 'x', link: 'javascript:alert(1)' } });
  await refused('VALUES_INVALID', /\{title\} holds a control character/, { values: { title: 'x\rBcc: eve@umbrella.test', link: 'https://example.test/' } });
  await refused('VALUES_INVALID', /\{title\} has a line break/, { values: { title: 'x\nBcc: eve@umbrella.test', link: 'https://example.test/' } });
  await refused('NAME_INVALID', /control character/, { toName: 'Ada\r\nBcc: eve@umbrella.test' });
  await refused('LIST_NOT_ALLOWED', /can not be unsubscribed/, code(to, { list: 'codes' }));
  for (const address of ['nobody', 'a@b@c', 'ada@acme.test, eve@umbrella.test', 'ada@acme.test\r\nBcc: eve@umbrella.test', '"ada"@acme.test', '<ada@acme.test>', 'ada@', '@acme.test', 'ada@-acme.test']) await refused('ADDRESS_INVALID', /e-mails can not be sent to this address/, { to: address });
  assert.deepEqual(await emailsTo(deployment, to), []);
}, options);

everyTopology('an e-mail whose time is over is not sent', async (deployment) => {
  const to = someone();
  const { emailId } = await send(deployment, code(to, { expireTime: '2020-01-01T00:00:00Z' }));
  const client = await operators(deployment);
  const email = await until(async () => { const found = await client.getEmail({ emailId }); return found.state === State.EXPIRED && found; }, 'it is given up');
  assert.equal(email.attempts, 0);
  assert.deepEqual(await emailsTo(deployment, to), []);
}, options);

everyTopology('operators see what became of e-mails, and not what they say', async (deployment) => {
  const to = someone();
  const { emailId } = await send(deployment, code(to));
  await arrived(deployment, to);
  const seen = (await (await operators(deployment)).listEmails({ filter: 'template = "mod-probe/code"', pageSize: 1000 })).emails.find((email) => email.emailId === emailId)!;
  assert.equal(seen.to, to);
  assert.ok(!JSON.stringify(seen, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)).includes('428117'));
  const maintenance = await deployment.client(EmailsService, 'ops@mainstay.test');
  assert.equal((await maintenance.getEmail({ emailId })).to, '…@acme.test');
  const [kept] = await deployment.sqlOf<{ sealed_values: unknown }>('sys-email', 'select sealed_values from sys_email.sys_email_emails where id = $1', [emailId]);
  assert.equal(kept!.sealed_values, null);
  await assert.rejects((await deployment.client(EmailsService, 'olga@acme.test')).listEmails({}), /permission/i);
}, options);

everyTopology('a test e-mail shows an operator that e-mail works', async (deployment) => {
  const to = someone();
  await (await operators(deployment)).sendTestEmail({ to, language: 'tr' });
  const [email] = await arrived(deployment, to);
  assert.match(email!.subject, /e-posta çalışıyor/);
}, options);
