import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bootstrapFrom, reasonOf } from '@mainstay/kernel';
import { startDeployment } from '@mainstay/testing';
import { AccountsService, AccountState, ApiKeysService, RecoveryService, SessionsService } from '../contract/index.ts';
import accounts from '../module.ts';
import { tokenTo } from '../testing/mail.ts';
import { Person } from '../testing/people.ts';
import { firstData, loadFirstData } from './bootstrap.ts';
import { letAccountsRest } from './let-accounts-rest.ts';

const newPassword = 'seven lukewarm teapots';

/** sys-accounts, which lets accounts rest at every start. */
const resting = {
  ...accounts,
  database: {
    ...accounts.database!,
    bootstrap: bootstrapFrom(new URL('../database/bootstrap.yaml', import.meta.url), firstData, async (needs: Parameters<typeof loadFirstData>[0], data, tools) => {
      await loadFirstData(needs, data, tools);
      await letAccountsRest(needs);
    }),
  },
};

test('accounts that nobody used for long rest, and are used again with a proof of their address', async () => {
  const deployment = await startDeployment({ modules: { 'sys-core': null, 'sys-accounts': { dormantAfterDays: 100 }, 'sys-email': null }, ownModules: [resting] });
  try {
    const people = { idle: await Person.in(deployment), signedIn: await Person.in(deployment), program: await Person.in(deployment), recent: await Person.in(deployment) };
    await (await deployment.client(ApiKeysService, people.program.accessToken)).createApiKey({ name: 'a key' });
    const old = [people.idle, people.signedIn, people.program].map(({ accountId }) => accountId);
    await deployment.sql(`update sys_accounts.sys_accounts_accounts set last_login_at = now() - interval '101 days' where id = any ($1) or email in ('root@mainstay.test', 'ben@acme.test')`, [old]);
    await deployment.sql(`update sys_accounts.sys_accounts_sessions set ended_at = now() where account_id <> $1`, [people.signedIn.accountId]);
    await deployment.restart();
    const root = await deployment.client(AccountsService, 'root@mainstay.test');
    const resting = (await root.listAccounts({ filter: 'state = DORMANT' })).accounts.map(({ email }) => email).sort();
    assert.deepEqual(resting, ['ben@acme.test', people.idle.email].sort());
    await assert.rejects(people.idle.logIn({ password: 'not the password' }), (error) => reasonOf(error) === 'sys-accounts.WRONG_CREDENTIALS');
    await assert.rejects(people.idle.logIn(), (error) => reasonOf(error) === 'sys-accounts.ACCOUNT_DORMANT');
    const recovery = await deployment.client(RecoveryService);
    await recovery.requestPasswordReset({ email: people.idle.email });
    await recovery.resetPassword({ token: await tokenTo(deployment, people.idle.email, 'wake-account'), newPassword });
    const { account } = await (await deployment.client(SessionsService)).createSession({ email: people.idle.email, password: newPassword });
    assert.deepEqual([account!.state, account!.emailVerified], [AccountState.ACTIVE, true]);
  } finally {
    await deployment.stop();
  }
});
