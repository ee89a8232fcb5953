import assert from 'node:assert/strict';
import { Code, ConnectError } from '@connectrpc/connect';
import { reasonOf, violationsOf } from '@mainstay/kernel';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { AccountsService, AccountState, Role, SessionsService } from '../contract/index.ts';

const password = 'correct horse battery';
const demo = { password: 'mainstay-demo' };

const refusedWith = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  return true;
};

async function newPerson(deployment: TestDeployment, displayName = 'Somebody') {
  const email = `${crypto.randomUUID()}@example.org`;
  await (await deployment.client(AccountsService)).registerAccount({ email, password, displayName });
  const session = await (await deployment.client(SessionsService)).createSession({ email, password });
  return { email, ...session, accountId: session.account!.accountId, accounts: await deployment.client(AccountsService, session.accessToken) };
}

everyTopology('who registers is administrator of an org of their own and of nothing else', async (deployment) => {
  const { account, orgId } = await newPerson(deployment);
  assert.equal(orgId, account!.personalOrgId);
  assert.deepEqual(account!.roles.map(({ role, orgId, projectId }) => [role, orgId, projectId]), [[Role.ADMIN, account!.personalOrgId, '']]);
});

everyTopology('an e-mail address registers once, whatever its case', async (deployment) => {
  const { email } = await newPerson(deployment);
  const accounts = await deployment.client(AccountsService);
  await assert.rejects(accounts.registerAccount({ email: email.toUpperCase(), password }), refusedWith('sys-accounts.EMAIL_TAKEN'));
});

everyTopology('of eight registrations of one address at once exactly one succeeds', async (deployment) => {
  const email = `${crypto.randomUUID()}@example.org`;
  const accounts = await deployment.client(AccountsService);
  const results = await Promise.allSettled(Array.from({ length: 8 }, () => accounts.registerAccount({ email, password })));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
});

everyTopology('a bad registration names its fields', async (deployment) => {
  const accounts = await deployment.client(AccountsService);
  const email = `${crypto.randomUUID()}@example.org`;
  const fieldsOf = (request: object) =>
    accounts.registerAccount({ email, password, ...request }).then(
      () => assert.fail('it was accepted'),
      (error: unknown) => {
        assert.equal(ConnectError.from(error).code, Code.InvalidArgument, String(error));
        return violationsOf(error).map(({ field }) => field);
      },
    );
  assert.deepEqual(await fieldsOf({ email: 'nobody' }), ['email']);
  assert.deepEqual(await fieldsOf({ password: 'short' }), ['password']);
  assert.deepEqual(await fieldsOf({ password: 'x'.repeat(201) }), ['password']);
  assert.deepEqual(await fieldsOf({ password: email }), ['password']);
  assert.deepEqual(await fieldsOf({ password: 'iloveyou2024' }), ['password']);
  assert.deepEqual(await fieldsOf({ password: 'ann example', displayName: 'Ann Example' }), ['password']);
  assert.deepEqual(await fieldsOf({ timeZone: 'Europe/Nowhere' }), ['time_zone']);
  assert.deepEqual(await fieldsOf({ language: 'x' }), ['language']);
  assert.deepEqual(await fieldsOf({ displayName: 'x'.repeat(101) }), ['display_name']);
  await assert.rejects((await deployment.client(SessionsService)).createSession({ email, password }), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
});

everyTopology('a person sees themselves and the members of the org they act in, and nobody else', async (deployment) => {
  const [ada, eve] = [await deployment.client(AccountsService, 'ada@acme.test'), await deployment.client(AccountsService, 'eve@umbrella.test')];
  const own = await ada.getAccount({ accountId: 'me' });
  const ben = await (await deployment.client(AccountsService, 'ben@acme.test')).getAccount({ accountId: 'me' });
  assert.equal((await ada.getAccount({ accountId: ben.accountId })).displayName, 'Ben');
  assert.deepEqual((await ada.getAccount({ accountId: ben.accountId })).roles, []);
  for (const accountId of [own.accountId, crypto.randomUUID()]) {
    await assert.rejects(eve.getAccount({ accountId }), refusedWith('sys-accounts.ACCOUNT_NOT_FOUND'));
    await assert.rejects(eve.updateAccount({ account: { accountId, displayName: 'Eve was here' } }), refusedWith('sys-accounts.ACCOUNT_NOT_FOUND'));
    await assert.rejects(eve.changePassword({ accountId, currentPassword: demo.password, newPassword: password }), refusedWith('sys-accounts.ACCOUNT_NOT_FOUND'));
    await assert.rejects(eve.closeAccount({ accountId, password: demo.password }), refusedWith('sys-accounts.ACCOUNT_NOT_FOUND'));
  }
});

everyTopology('only the platform administrator lists, locks and sees every account', async (deployment) => {
  const { accountId, email } = await newPerson(deployment);
  for (const person of ['ada@acme.test', 'olga@acme.test', 'ops@mainstay.test']) {
    const accounts = await deployment.client(AccountsService, person);
    await assert.rejects(accounts.listAccounts({}), (error) => ConnectError.from(error).code === Code.PermissionDenied && /accounts\.accounts\.list/.test(String(error)));
    await assert.rejects(accounts.lockAccount({ accountId, reason: 'x' }), (error) => ConnectError.from(error).code === Code.PermissionDenied);
  }
  const root = await deployment.client(AccountsService, 'root@mainstay.test');
  const { accounts } = await root.listAccounts({ search: email.slice(0, 30).toUpperCase() });
  assert.deepEqual(accounts.map((account) => account.accountId), [accountId]);
  assert.equal((await root.getAccount({ accountId })).email, email);
  assert.deepEqual((await root.listAccounts({ search: '%' })).accounts, []);
});

everyTopology('every account is on exactly one page', async (deployment) => {
  const root = await deployment.client(AccountsService, 'root@mainstay.test');
  const seen: string[] = [];
  for (let pageToken = ''; ; ) {
    const page = await root.listAccounts({ pageSize: 2, pageToken });
    seen.push(...page.accounts.map(({ accountId }) => accountId));
    if (!(pageToken = page.nextPageToken)) break;
  }
  const all = await root.listAccounts({ pageSize: 1000 });
  assert.deepEqual(seen, all.accounts.map(({ accountId }) => accountId));
});

everyTopology('a profile changes in the fields that the mask names', async (deployment) => {
  const person = await newPerson(deployment, 'Before');
  const patched = await deployment.fetch('/v1/accounts/me?updateMask=displayName,timeZone', { method: 'PATCH', as: person.accessToken, body: { displayName: 'After', timeZone: 'Asia/Karachi', language: 'ur' } });
  const account = (await patched.json()) as { displayName: string; timeZone: string; language: string };
  assert.equal(patched.status, 200, JSON.stringify(account));
  assert.deepEqual([account.displayName, account.timeZone, account.language], ['After', 'Asia/Karachi', 'en']);
  const refused = person.accounts.updateAccount({ account: { accountId: 'me', email: 'root@mainstay.test' }, updateMask: { paths: ['email'] } });
  await assert.rejects(refused, refusedWith('kernel.INVALID_MASK'));
  await assert.rejects(person.accounts.updateAccount({ account: { accountId: 'me', displayName: ' ' } }), (error) => violationsOf(error)[0]?.field === 'account.display_name');
});

everyTopology('a new password ends the other sessions and is the only one that holds', async (deployment) => {
  const { email, accounts, sessionId } = await newPerson(deployment);
  const sessions = await deployment.client(SessionsService);
  const other = await sessions.createSession({ email, password });
  await assert.rejects(accounts.changePassword({ accountId: 'me', currentPassword: 'not the password', newPassword: 'another password' }), refusedWith('sys-accounts.WRONG_PASSWORD'));
  await assert.rejects(accounts.changePassword({ accountId: 'me', currentPassword: password, newPassword: 'qwertyuiop' }), (error) => violationsOf(error)[0]?.reason === 'password.common');
  const { endedSessions } = await accounts.changePassword({ accountId: 'me', currentPassword: password, newPassword: 'another password' });
  assert.equal(endedSessions, 1);
  await assert.rejects((await deployment.client(AccountsService, other.accessToken)).getAccount({ accountId: 'me' }), refusedWith('sys-core.SESSION_ENDED'));
  await accounts.getAccount({ accountId: 'me' });
  await assert.rejects(sessions.createSession({ email, password }), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
  assert.notEqual((await sessions.createSession({ email, password: 'another password' })).sessionId, sessionId);
});

everyTopology('a lock acts at once, is told only with the right password, and can be taken back', async (deployment) => {
  const { email, accountId, accounts } = await newPerson(deployment);
  const root = await deployment.client(AccountsService, 'root@mainstay.test');
  await accounts.getAccount({ accountId: 'me' });
  assert.equal((await root.lockAccount({ accountId, reason: 'the bill is open' })).state, AccountState.LOCKED);
  await assert.rejects(accounts.getAccount({ accountId: 'me' }), refusedWith('sys-core.SESSION_ENDED'));
  const sessions = await deployment.client(SessionsService);
  await assert.rejects(sessions.createSession({ email, password: 'not the password' }), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
  await assert.rejects(sessions.createSession({ email, password }), (error) => refusedWith('sys-accounts.ACCOUNT_LOCKED')(error) && /the bill is open/.test(String(error)));
  await root.unlockAccount({ accountId });
  await sessions.createSession({ email, password });
});

everyTopology('operators do not lock themselves out', async (deployment) => {
  const root = await deployment.client(AccountsService, 'root@mainstay.test');
  const { accountId } = await root.getAccount({ accountId: 'me' });
  for (const spelling of [accountId, accountId.toUpperCase()]) await assert.rejects(root.lockAccount({ accountId: spelling, reason: 'oops' }), refusedWith('sys-accounts.OWN_ACCOUNT'));
  await assert.rejects(root.closeAccount({ accountId, password: demo.password }), refusedWith('sys-accounts.LAST_ADMIN'));
});

everyTopology('a closed account is gone and its address does not register again', async (deployment) => {
  const { email, accountId, accounts } = await newPerson(deployment);
  await assert.rejects(accounts.closeAccount({ accountId: 'me', password: 'not the password' }), refusedWith('sys-accounts.WRONG_PASSWORD'));
  const closed = await accounts.closeAccount({ accountId: 'me', password });
  assert.deepEqual([closed.state, closed.email, closed.displayName], [AccountState.DEACTIVATED, '', '']);
  await assert.rejects(accounts.getAccount({ accountId: 'me' }), refusedWith('sys-core.SESSION_ENDED'));
  await assert.rejects((await deployment.client(SessionsService)).createSession({ email, password }), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
  await assert.rejects((await deployment.client(AccountsService)).registerAccount({ email, password }), refusedWith('sys-accounts.EMAIL_TAKEN'));
  const root = await deployment.client(AccountsService, 'root@mainstay.test');
  await assert.rejects(root.unlockAccount({ accountId }), refusedWith('sys-accounts.ACCOUNT_CLOSED'));
});

everyTopology('what is meant for modules is not reachable from outside', async (deployment) => {
  const root = await deployment.client(AccountsService, 'root@mainstay.test');
  await assert.rejects(root.findAccounts({ emails: ['ada@acme.test'] }), (error) => ConnectError.from(error).code === Code.PermissionDenied);
});
