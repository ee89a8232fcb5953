import assert from 'node:assert/strict';
import { after } from 'node:test';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology, until, type TestDeployment } from '@mainstay/testing';
import { IdentityProvidersService, RecoveryService, SessionsService } from '../../contract/index.ts';
import { craftedOrg } from '../../testing/federation/crafted-org.ts';
import { countTo, mailTo, tokenTo } from '../../testing/mail.ts';

const started: { stop(): void }[] = [];
after(() => started.forEach((server) => server.stop()));

const newPassword = 'quite another battery horse';

async function crafted(deployment: TestDeployment, changes: object = {}) {
  const there = await craftedOrg(deployment, changes);
  started.push(there.external);
  return there;
}

type There = Awaited<ReturnType<typeof crafted>>;

async function set(deployment: TestDeployment, { org }: There, name: string, value: boolean): Promise<void> {
  const answer = await deployment.fetch(`/v1/settings/sys-accounts/${name}`, { method: 'PATCH', as: org.accessToken, headers: { 'mainstay-org': org.orgId }, body: { orgId: org.orgId, value } });
  assert.equal(answer.status, 200, await answer.text());
}

/** Asks for a new password, until an e-mail has come of it. */
async function askAgain(deployment: TestDeployment, email: string): Promise<void> {
  const come = async () => (await countTo(deployment, email, 'password-reset')) + (await countTo(deployment, email, 'log-in-at-organization'));
  const before = await come();
  await (await deployment.client(RecoveryService)).requestPasswordReset({ email });
  await until(async () => (await come()) > before, 'an e-mail comes');
}

everyTopology('whoever the org looks after logs in at its provider, and has a password only if the org allows it', async (deployment) => {
  const there = await crafted(deployment);
  const who = there.somebody();
  const { accountId } = await (await there.through(who)).end();
  const recovery = await deployment.client(RecoveryService);
  const logIn = async () => (await deployment.client(SessionsService)).createSession({ email: who.email, password: newPassword });
  await recovery.requestPasswordReset({ email: who.email });
  const told = await mailTo(deployment, who.email, 'log-in-at-organization');
  assert.deepEqual([told.tokens, /Log in with your organization/.test(told.text)], [[], true]);
  await assert.rejects(logIn, (error) => reasonOf(error) === 'sys-accounts.WRONG_CREDENTIALS');
  await set(deployment, there, 'managedPasswords', true);
  // Each process learns of a setting by itself.
  // Nobody asks for more than five in an hour.
  for (let asked = 0; asked < 4 && (await countTo(deployment, who.email, 'password-reset')) === 0; asked++) await askAgain(deployment, who.email);
  const token = await tokenTo(deployment, who.email, 'password-reset');
  await until(() => recovery.resetPassword({ token, newPassword }).then(() => true, (error: unknown) => reasonOf(error) !== 'sys-accounts.LINK_INVALID'), 'the password is set');
  await until(() => logIn().then(({ account }) => account?.accountId === accountId, () => false), 'the password logs in');
  await set(deployment, there, 'managedPasswords', false);
  await until(async () => (await Promise.allSettled(Array.from({ length: 3 }, logIn))).every(({ status }) => status === 'rejected'), 'the password is of no use any more');
  assert.equal((await (await there.through(who)).end()).accountId, accountId);
});

everyTopology('where the org has no provider that is in use, whom it looks after have passwords', async (deployment) => {
  const there = await crafted(deployment);
  const who = there.somebody();
  await (await there.through(who)).end();
  await (await there.org.client(IdentityProvidersService)).updateIdentityProvider({ identityProvider: { identityProviderId: there.provider.identityProviderId, disabled: true } });
  await (await deployment.client(RecoveryService)).requestPasswordReset({ email: who.email });
  await tokenTo(deployment, who.email, 'password-reset');
});

everyTopology('an org that demands a second factor is content with two that were shown at a provider it trusts, and with no less', async (deployment) => {
  const there = await crafted(deployment, { trustsSecondFactor: true });
  const { accessToken } = await (await there.through({ ...there.somebody(), amr: ['mfa'] } as never)).end();
  const { accessToken: weaker } = await (await there.through({ ...there.somebody(), amr: ['pwd'] } as never)).end();
  await set(deployment, there, 'secondFactorRequired', true);
  const read = async (as: string) => (await deployment.fetch(`/v1/orgs/${there.org.orgId}/projects`, { as, headers: { 'mainstay-org': there.org.orgId } })).status;
  await until(async () => (await Promise.all(Array.from({ length: 16 }, () => read(weaker)))).every((status) => status === 403), 'the org demands a second factor');
  assert.equal(await read(accessToken), 200);
});

everyTopology('who has neither password nor second factor is told to log in again to step up', async (deployment) => {
  const there = await crafted(deployment);
  const { accessToken } = await (await there.through(there.somebody())).end();
  await assert.rejects((await deployment.client(SessionsService, accessToken)).beginStepUp({}), (error) => reasonOf(error) === 'sys-accounts.NOTHING_TO_SHOW');
});

everyTopology('an account that rests is woken by a login at the provider of the org that looks after it', async (deployment) => {
  const there = await crafted(deployment);
  const who = there.somebody();
  const { accountId } = await (await there.through(who)).end();
  await deployment.sqlOf('sys-accounts', `update sys_accounts.sys_accounts_accounts set state = 'DORMANT' where id = $1`, [accountId]);
  assert.equal((await (await there.through(who)).end()).accountId, accountId);
});
