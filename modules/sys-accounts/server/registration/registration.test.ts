import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { emailsTo, everyTopology, until, type TestDeployment } from '@mainstay/testing';
import { AccountsService, AccountState, RegistrationService, SessionsService } from '../../contract/index.ts';
import { countTo, mailTo, tokenTo } from '../../testing/mail.ts';

const password = 'correct horse battery';
const options = { modules: { 'sys-core': null, 'sys-accounts': { requireVerifiedEmail: true, emailRequestsPerAddress: 10_000 }, 'sys-email': null } };
const newAddress = () => `${crypto.randomUUID()}@example.org`;
const refusedWith = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  return true;
};
const services = async (deployment: TestDeployment) => ({ accounts: await deployment.client(AccountsService), registration: await deployment.client(RegistrationService), sessions: await deployment.client(SessionsService) });

everyTopology('an account is made with the proof of its address, and not before', async (deployment) => {
  const { accounts, registration, sessions } = await services(deployment);
  const email = newAddress();
  const answer = await accounts.registerAccount({ email, password, displayName: 'Ada', language: 'de', timeZone: 'Europe/Berlin' });
  assert.deepEqual([answer.accountId, answer.email, answer.displayName, answer.state], ['', email, 'Ada', AccountState.UNVERIFIED]);
  await assert.rejects(sessions.createSession({ email, password }), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
  const { subject, tokens } = await mailTo(deployment, email, 'verify-email');
  assert.equal(subject, 'Bestätigen Sie Ihre E-Mail-Adresse');
  const account = await registration.verifyEmail({ token: tokens[0]!, password });
  assert.deepEqual([account.email, account.displayName, account.language, account.timeZone, account.state, account.emailVerified], [email, 'Ada', 'de', 'Europe/Berlin', AccountState.ACTIVE, true]);
  assert.equal((await sessions.createSession({ email, password })).account!.accountId, account.accountId);
}, options);

everyTopology('of eight uses of one link at once exactly one succeeds, and none later', async (deployment) => {
  const { accounts, registration } = await services(deployment);
  const email = newAddress();
  await accounts.registerAccount({ email, password });
  const token = await tokenTo(deployment, email, 'verify-email');
  // No more than the tries that a link has.
  const uses = await Promise.allSettled(Array.from({ length: 8 }, () => registration.verifyEmail({ token, password })));
  assert.equal(uses.filter(({ status }) => status === 'fulfilled').length, 1);
  await assert.rejects(registration.verifyEmail({ token, password }), refusedWith('sys-accounts.LINK_INVALID'));
}, options);

everyTopology('an address that has an account is answered like any other, and its owner is told', async (deployment) => {
  const { accounts, registration } = await services(deployment);
  const [email, free] = [newAddress(), newAddress()];
  await accounts.registerAccount({ email, password });
  await registration.verifyEmail({ token: await tokenTo(deployment, email, 'verify-email'), password });
  const taken = await accounts.registerAccount({ email, password, displayName: 'Somebody' });
  const other = await accounts.registerAccount({ email: free, password, displayName: 'Somebody' });
  assert.deepEqual({ ...taken, email: free }, other);
  assert.deepEqual((await mailTo(deployment, email, 'address-taken')).tokens, []);
  assert.equal(await countTo(deployment, email, 'verify-email'), 1);
}, options);

everyTopology('nobody makes an account in the name of another: the link takes the password of its own registration', async (deployment) => {
  const { accounts, registration, sessions } = await services(deployment);
  const email = newAddress();
  await accounts.registerAccount({ email, password: 'what the stranger chose' });
  const stranger = await tokenTo(deployment, email, 'verify-email');
  await accounts.registerAccount({ email, password });
  await until(async () => (await countTo(deployment, email, 'verify-email')) === 2, 'the second link comes');
  const tokens = (await emailsTo(deployment, email)).map(({ text }) => /#([\w.-]+)/.exec(text)![1]!);
  await assert.rejects(registration.verifyEmail({ token: stranger, password }), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
  await registration.verifyEmail({ token: tokens.find((token) => token !== stranger)!, password });
  await assert.rejects(registration.verifyEmail({ token: stranger, password: 'what the stranger chose' }), refusedWith('sys-accounts.LINK_INVALID'));
  await sessions.createSession({ email, password });
}, options);

everyTopology('a link is of no use after five wrong passwords, after a day, or with a changed character', async (deployment) => {
  const { accounts, registration } = await services(deployment);
  const [guessed, late] = [newAddress(), newAddress()];
  for (const email of [guessed, late]) await accounts.registerAccount({ email, password });
  const token = await tokenTo(deployment, guessed, 'verify-email');
  for (const at of [0, 10, 40, 60, token.length - 1]) {
    const changed = `${token.slice(0, at)}${token[at] === 'b' ? 'c' : 'b'}${token.slice(at + 1)}`;
    await assert.rejects(registration.verifyEmail({ token: changed, password }), refusedWith('sys-accounts.LINK_INVALID'), changed);
  }
  for (let tries = 0; tries < 5; tries++) await assert.rejects(registration.verifyEmail({ token, password: 'not the password' }), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
  await assert.rejects(registration.verifyEmail({ token, password }), refusedWith('sys-accounts.LINK_INVALID'));
  const lateToken = await tokenTo(deployment, late, 'verify-email');
  await deployment.sqlOf('sys-accounts', `update sys_accounts.sys_accounts_registrations set expires_at = expires_at - interval '1 day' where email = $1`, [late]);
  await assert.rejects(registration.verifyEmail({ token: lateToken, password }), refusedWith('sys-accounts.LINK_INVALID'));
}, options);

everyTopology('the link is sent again to who waits for it, and to nobody else', async (deployment) => {
  const { accounts, registration } = await services(deployment);
  const [email, nobody] = [newAddress(), newAddress()];
  await accounts.registerAccount({ email, password });
  const token = await tokenTo(deployment, email, 'verify-email');
  assert.deepEqual(await registration.resendVerification({ email: nobody }), await registration.resendVerification({ email: email.toUpperCase() }));
  await until(async () => (await countTo(deployment, email, 'verify-email')) === 2, 'it comes again');
  assert.equal(await tokenTo(deployment, email, 'verify-email'), token);
  assert.deepEqual(await emailsTo(deployment, nobody), []);
}, options);

everyTopology('an address is written to a few times in an hour, whoever asks', async (deployment) => {
  const { accounts, registration } = await services(deployment);
  const email = newAddress();
  for (let asked = 0; asked < 5; asked++) await registration.resendVerification({ email });
  await assert.rejects(registration.resendVerification({ email }), refusedWith('sys-accounts.TOO_MANY_REQUESTS'));
  await assert.rejects(accounts.registerAccount({ email, password }), refusedWith('sys-accounts.TOO_MANY_REQUESTS'));
}, options);

everyTopology('where no proof is demanded, an account is there at once, and its address can be proven later', async (deployment) => {
  const { accounts, registration, sessions } = await services(deployment);
  const email = newAddress();
  const { accountId, emailVerified } = await accounts.registerAccount({ email, password });
  assert.deepEqual([accountId !== '', emailVerified], [true, false]);
  await sessions.createSession({ email, password });
  await registration.resendVerification({ email });
  const token = await tokenTo(deployment, email, 'verify-email');
  await assert.rejects(registration.verifyEmail({ token, password: 'not the password' }), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
  const verified = await registration.verifyEmail({ token, password });
  assert.deepEqual([verified.accountId, verified.emailVerified], [accountId, true]);
});

everyTopology('the pages that links lead to are there', async (deployment) => {
  for (const page of ['verify-email', 'forgot-password', 'reset-password']) {
    const response = await deployment.fetch(`/apps/sys-accounts/${page}.html`);
    assert.equal(response.status, 200, page);
    assert.match(await response.text(), /link-form\.js/);
  }
});
