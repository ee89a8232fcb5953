import assert from 'node:assert/strict';
import { reasonOf, violationsOf } from '@mainstay/kernel';
import { emailsTo, everyTopology, until, type TestDeployment } from '@mainstay/testing';
import { AccountsService, RecoveryService, SessionsService } from '../../contract/index.ts';
import { countTo, mailTo, tokenTo } from '../../testing/mail.ts';
import { password, Person, totp } from '../../testing/people.ts';

const newPassword = 'seven lukewarm teapots';
const refusedWith = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  return true;
};

/** Asks for a new password, and gives the token of the link. */
async function forgotten(deployment: TestDeployment, email: string): Promise<string> {
  const before = await countTo(deployment, email, 'password-reset');
  await (await deployment.client(RecoveryService)).requestPasswordReset({ email: email.toUpperCase() });
  await until(async () => (await countTo(deployment, email, 'password-reset')) > before, 'the link comes');
  return tokenTo(deployment, email, 'password-reset');
}

everyTopology('who forgot the password sets another by a link, which ends all sessions and proves the address', async (deployment) => {
  const person = await Person.in(deployment);
  const recovery = await deployment.client(RecoveryService);
  const token = await forgotten(deployment, person.email);
  await recovery.resetPassword({ token, newPassword });
  await assert.rejects((await person.accounts()).getAccount({ accountId: 'me' }), refusedWith('sys-core.SESSION_ENDED'));
  await assert.rejects(person.logIn(), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
  const { account } = await person.logIn({ password: newPassword });
  assert.equal(account!.emailVerified, true);
  assert.match((await mailTo(deployment, person.email, 'password-changed')).text, /was changed/);
});

everyTopology('of eight uses of one link at once exactly one succeeds, and older links of the account are of no use then', async (deployment) => {
  const person = await Person.in(deployment);
  const recovery = await deployment.client(RecoveryService);
  const tokens = [await forgotten(deployment, person.email), await forgotten(deployment, person.email)];
  const uses = await Promise.allSettled(Array.from({ length: 8 }, () => recovery.resetPassword({ token: tokens[1]!, newPassword })));
  assert.equal(uses.filter(({ status }) => status === 'fulfilled').length, 1);
  for (const token of tokens) await assert.rejects(recovery.resetPassword({ token, newPassword }), refusedWith('sys-accounts.LINK_INVALID'));
});

everyTopology('a password that is guessed easily does not use the link up; ten minutes do', async (deployment) => {
  const person = await Person.in(deployment);
  const recovery = await deployment.client(RecoveryService);
  const token = await forgotten(deployment, person.email);
  await assert.rejects(recovery.resetPassword({ token, newPassword: 'iloveyou2024' }), (error) => violationsOf(error)[0]?.field === 'new_password');
  await recovery.resetPassword({ token, newPassword });
  const late = await forgotten(deployment, person.email);
  await deployment.sqlOf('sys-accounts', `update sys_accounts.sys_accounts_password_resets set expires_at = expires_at - interval '10 minutes' where account_id = $1`, [person.accountId]);
  await assert.rejects(recovery.resetPassword({ token: late, newPassword }), refusedWith('sys-accounts.LINK_INVALID'));
});

everyTopology('every address is answered alike, and only that of an account in use gets a link', async (deployment) => {
  const [locked, closed] = [await Person.in(deployment), await Person.in(deployment)];
  const unknown = `${crypto.randomUUID()}@example.org`;
  await (await deployment.client(AccountsService, 'root@mainstay.test')).lockAccount({ accountId: locked.accountId, reason: 'the bill is open' });
  await (await closed.accounts()).closeAccount({ accountId: 'me', password });
  const recovery = await deployment.client(RecoveryService);
  const answers = await Promise.all([locked.email, closed.email, unknown].map((email) => recovery.requestPasswordReset({ email })));
  assert.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1);
  // What was asked for later has come: the others would have come before.
  const person = await Person.in(deployment);
  await forgotten(deployment, person.email);
  for (const email of [locked.email, closed.email, unknown]) assert.deepEqual((await emailsTo(deployment, email)).map(({ template }) => template), []);
});

everyTopology('a link of before a lock, or for another purpose, sets no password', async (deployment) => {
  const person = await Person.in(deployment);
  const recovery = await deployment.client(RecoveryService);
  const token = await forgotten(deployment, person.email);
  await (await deployment.client(AccountsService, 'root@mainstay.test')).lockAccount({ accountId: person.accountId, reason: 'the bill is open' });
  await assert.rejects(recovery.resetPassword({ token, newPassword }), refusedWith('sys-accounts.LINK_INVALID'));
  const [id] = token.split('.');
  for (const forged of [`${id}.${'A'.repeat(43)}`, `${crypto.randomUUID()}.${token.split('.')[1]}`, 'x']) await assert.rejects(recovery.resetPassword({ token: forged, newPassword }), refusedWith('sys-accounts.LINK_INVALID'));
});

everyTopology('a new password takes the place of no second factor, and remembered devices are forgotten', async (deployment) => {
  const person = await Person.in(deployment);
  const { app } = await person.addTotp();
  const sessions = await deployment.client(SessionsService);
  const { challenge } = await person.logIn();
  const { deviceToken } = await sessions.continueLogin({ loginToken: challenge!.loginToken, proof: totp(app.code()), rememberDevice: true });
  assert.notEqual((await person.logIn({ deviceToken })).accessToken, '');
  await (await deployment.client(RecoveryService)).resetPassword({ token: await forgotten(deployment, person.email), newPassword });
  const again = await person.logIn({ deviceToken, password: newPassword });
  assert.deepEqual([again.accessToken, again.challenge !== undefined], ['', true]);
});

everyTopology('an address is written to a few times in an hour, whoever asks', async (deployment) => {
  const recovery = await deployment.client(RecoveryService);
  const email = `${crypto.randomUUID()}@example.org`;
  for (let asked = 0; asked < 5; asked++) await recovery.requestPasswordReset({ email });
  await assert.rejects(recovery.requestPasswordReset({ email }), refusedWith('sys-accounts.TOO_MANY_REQUESTS'));
});
