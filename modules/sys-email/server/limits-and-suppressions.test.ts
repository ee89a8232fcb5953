import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { AccountsService, SessionsService } from '@mainstay/sys-accounts/contract';
import { SettingsService } from '@mainstay/sys-core/contract';
import { emailsTo, everyTopology, until, type TestDeployment } from '@mainstay/testing';
import { EmailsService, Email_State as State, Suppression_Reason as Reason, SuppressionsService } from '../contract/index.ts';
import { code, send, setUp, someone } from '../testing/sending.ts';

const options = setUp({ hourlyPerAccount: 3, hourlyPerOrg: 4 });
const untilState = async (deployment: TestDeployment, emailId: string, state: State) => {
  const client = await deployment.client(EmailsService, 'root@mainstay.test');
  return until(async () => { const email = await client.getEmail({ emailId }); return email.state === state && email; }, `it is ${State[state]}`);
};

everyTopology('an account gets no more e-mails in an hour than its limit, and codes are counted apart', async (deployment) => {
  const [to, accountId] = [someone(), randomUUID()];
  for (const answer of await Promise.all([1, 2, 3, 4, 5].map(() => send(deployment, { to: someone(), accountId })))) assert.ok([200, 429].includes(answer.status));
  const refused = await send(deployment, { to, accountId });
  assert.deepEqual([refused.status, refused.reason], [429, 'ACCOUNT_LIMIT_REACHED']);
  assert.match(refused.detail, /at most 3 e-mails of this kind in an hour/);
  assert.equal((await deployment.sqlOf<{ count: number }>('sys-email', 'select count(*)::int as count from sys_email.sys_email_emails where account_id = $1', [accountId]))[0]!.count, 3);
  assert.equal((await send(deployment, code(to, { accountId }))).status, 200);
}, options);

everyTopology('an address without an account has the same limit, however it is written', async (deployment) => {
  const to = someone();
  for (let sent = 0; sent < 3; sent++) assert.equal((await send(deployment, code(to))).status, 200);
  assert.equal((await send(deployment, code(to.toUpperCase()))).reason, 'ACCOUNT_LIMIT_REACHED');
}, options);

everyTopology('an org has a limit that an operator changes while it runs', async (deployment) => {
  const orgId = randomUUID();
  for (let sent = 0; sent < 4; sent++) assert.equal((await send(deployment, { to: someone(), orgId })).status, 200);
  assert.equal((await send(deployment, { to: someone(), orgId })).reason, 'ORG_LIMIT_REACHED');
  assert.equal((await send(deployment, code(someone(), { orgId }))).status, 200);
  const settings = await deployment.client(SettingsService, 'root@mainstay.test');
  await settings.updateSetting({ module: 'sys-email', key: 'hourlyPerOrg', orgId, value: { kind: { case: 'numberValue', value: 5 } } });
  await until(async () => (await send(deployment, { to: someone(), orgId })).status === 200, 'the new limit counts');
}, options);

everyTopology('an operator bars an address, and lifts that', async (deployment) => {
  const to = someone();
  const suppressions = await deployment.client(SuppressionsService, 'root@mainstay.test');
  const { suppressionId } = await suppressions.createSuppression({ address: to.toUpperCase(), detail: 'asked by telephone' });
  assert.equal((await suppressions.createSuppression({ address: to })).suppressionId, suppressionId);
  const first = await send(deployment, code(to));
  assert.match((await untilState(deployment, first.emailId, State.SUPPRESSED)).problem, /an operator said/);
  const [listed] = (await suppressions.listSuppressions({ filter: `address = "${to}"` })).suppressions;
  assert.deepEqual([listed!.reason, listed!.detail], [Reason.OPERATOR, 'asked by telephone']);
  await suppressions.deleteSuppression({ suppressionId });
  await assert.rejects(suppressions.deleteSuppression({ suppressionId }), /no suppression/);
  await untilState(deployment, (await send(deployment, code(to))).emailId, State.SENT);
  assert.equal((await emailsTo(deployment, to)).length, 1);
}, options);

everyTopology('what failed for good is sent again or given up by an operator, and nothing else is', async (deployment) => {
  const client = await deployment.client(EmailsService, 'root@mainstay.test');
  const ids = await Promise.all([1, 2].map(async () => (await send(deployment, code(someone()))).emailId));
  for (const emailId of ids) await untilState(deployment, emailId, State.SENT);
  await assert.rejects(client.retryEmail({ emailId: ids[0]! }), /is SENT; only one that is FAILED/);
  await deployment.sqlOf('sys-email', "update sys_email.sys_email_emails set state = 'FAILED', problem = 'a fault' where id = any ($1::uuid[])", [ids]);
  const maintenance = await deployment.client(EmailsService, 'ops@mainstay.test');
  assert.equal((await maintenance.retryEmail({ emailId: ids[0]! })).state, State.QUEUED);
  // What it says is gone since it was sent, so it fails again.
  assert.match((await untilState(deployment, ids[0]!, State.FAILED)).problem, /secret/);
  assert.equal((await maintenance.discardEmail({ emailId: ids[1]! })).state, State.DISCARDED);
  await assert.rejects(client.getEmail({ emailId: randomUUID() }), /no e-mail/);
}, options);

everyTopology('whoever closes their account is forgotten here, too', async (deployment) => {
  const [email, password] = [someone(), 'correct horse battery'];
  await (await deployment.client(AccountsService)).registerAccount({ email, password, displayName: 'Somebody' });
  const { accessToken, account } = await (await deployment.client(SessionsService)).createSession({ email, password });
  const { accountId } = account!;
  const { emailId } = await send(deployment, { to: email, accountId });
  await untilState(deployment, emailId, State.SENT);
  await (await deployment.client(AccountsService, accessToken)).closeAccount({ accountId: 'me', password });
  const row = async () => (await deployment.sqlOf<{ recipient: string }>('sys-email', 'select recipient from sys_email.sys_email_emails where id = $1', [emailId]))[0]!;
  await until(async () => (await row()).recipient === '', 'its address is gone');
}, options);

everyTopology('an e-mail whose template was changed by a release meanwhile, or is gone, fails once and for good', async (deployment) => {
  const [changed, gone] = [someone(), someone()];
  // As if it had been queued by another release.
  await deployment.sqlOf('sys-email', `create or replace function sys_email.as_before() returns trigger language plpgsql as
    'begin new.template = case new.recipient when ''${changed}'' then ''mod-probe/reminder'' when ''${gone}'' then ''mod-probe/former'' else new.template end; return new; end'`);
  await deployment.sqlOf('sys-email', 'create or replace trigger as_before before insert on sys_email.sys_email_emails for each row execute function sys_email.as_before()');
  const [first, second] = [await send(deployment, code(changed)), await send(deployment, code(gone))];
  assert.match((await untilState(deployment, first.emailId, State.FAILED)).problem, /its template was changed meanwhile: \{title\} is missing; \{link\} is missing/);
  assert.match((await untilState(deployment, second.emailId, State.FAILED)).problem, /no module brings its template any more/);
}, options);
