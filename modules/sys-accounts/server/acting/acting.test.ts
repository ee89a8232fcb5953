import assert from 'node:assert/strict';
import { Code, ConnectError } from '@connectrpc/connect';
import { reasonOf } from '@mainstay/kernel';
import { AuditService } from '@mainstay/sys-core/contract';
import { everyTopology, until, type TestDeployment } from '@mainstay/testing';
import { decodeJwt } from 'jose';
import { AccountsService, ActingService, ApiKeysService, EmailChangeService, SecondFactorsService, SessionsService, UserViewService } from '../../contract/index.ts';
import { mailTo } from '../../testing/mail.ts';
import { password, Person } from '../../testing/people.ts';

const root = 'root@mainstay.test';
const reason = 'You asked why a promise is not shown.';
const refusedWith = (expected: string) => (error: unknown) => {
  assert.equal(reasonOf(error), expected, String(error));
  return true;
};

/** A person for whom a Platform Administrator acts. */
async function acted(deployment: TestDeployment) {
  const person = await Person.in(deployment);
  const operator = await deployment.client(ActingService, root);
  const { accessToken, acting } = await operator.beginActing({ accountId: person.accountId, reason });
  return { person, operator, accessToken, acting: acting!, own: await deployment.client(ActingService, person.accessToken), as: <S extends Parameters<typeof deployment.client>[0]>(service: S) => deployment.client(service, accessToken) };
}

everyTopology('a Platform Administrator acts for a person: marked, told, seen, audited', async (deployment) => {
  const { person, accessToken, acting, as } = await acted(deployment);
  const { accountId: actor } = await (await deployment.client(AccountsService, root)).getAccount({ accountId: 'me' });
  const claims = decodeJwt(accessToken) as { sub?: string; act?: { sub: string }; exp?: number; iat?: number };
  assert.deepEqual([claims.sub, claims.act, Math.abs(claims.exp! - claims.iat! - 30 * 60) < 5], [person.accountId, { sub: actor }, true]);
  const { id } = await (await deployment.fetch('/v1/promises', { as: accessToken, body: { title: 'made for them' } })).json() as { id: string };
  assert.ok(id);
  const mail = await mailTo(deployment, person.email, 'acting-begun');
  assert.match(mail.text, /You asked why a promise is not shown\./);
  const view = await (await deployment.client(UserViewService, person.accessToken)).getUserView({});
  assert.deepEqual(view.actings.map(({ actingId, actorName, reason: why, active }) => [actingId, actorName, why, active]), [[acting.actingId, 'Root', reason, true]]);
  assert.equal(view.acting, false);
  assert.equal((await (await as(UserViewService)).getUserView({})).acting, true);
  const audit = await deployment.client(AuditService, root);
  await until(async () => (await audit.listAuditEntries({ actorAccountId: actor, method: 'mod.promist.v1.PromisesService/CreatePromise' })).entries.some((entry) => entry.accountId === person.accountId), 'the audit names both');
});

everyTopology('who acts may not change what makes the account the person\'s own', async (deployment) => {
  const { person, accessToken } = await acted(deployment);
  const as = await Promise.all([AccountsService, ApiKeysService, EmailChangeService, SecondFactorsService, SessionsService, ActingService].map((service) => deployment.client(service as typeof AccountsService, accessToken)));
  const [accounts, keys, change, factors, sessions, acting] = as as unknown as [any, any, any, any, any, any];
  const calls = {
    password: () => accounts.changePassword({ accountId: 'me', currentPassword: password, newPassword: 'seven lukewarm teapots' }),
    profile: () => accounts.updateAccount({ account: { accountId: 'me', displayName: 'Other' } }),
    closing: () => accounts.closeAccount({ accountId: 'me', password }),
    key: () => keys.createApiKey({ name: 'a key' }),
    address: () => change.beginEmailChange({ accountId: 'me', newEmail: 'other@example.org', password }),
    factor: () => factors.createRecoveryCodes({}),
    session: () => sessions.deleteSession({ sessionId: person.sessionId }),
    acting: () => acting.beginActing({ accountId: person.accountId, reason }),
  };
  for (const [what, call] of Object.entries(calls)) await assert.rejects(call, (error) => ConnectError.from(error).code === Code.PermissionDenied, what);
  assert.equal((await accounts.getAccount({ accountId: 'me' })).accountId, person.accountId);
});

everyTopology('the person ends it at any time, and so does who acts; others do not know of it', async (deployment) => {
  const [byPerson, byActor, bySession] = [await acted(deployment), await acted(deployment), await acted(deployment)];
  const stranger = await Person.in(deployment);
  await assert.rejects((await deployment.client(ActingService, stranger.accessToken)).endActing({ actingId: byPerson.acting.actingId }), refusedWith('sys-accounts.ACTING_NOT_FOUND'));
  await byPerson.own.endActing({ actingId: byPerson.acting.actingId });
  await byActor.operator.endActing({ actingId: byActor.acting.actingId });
  await (await deployment.client(ActingService, bySession.accessToken)).endActing({ actingId: bySession.acting.actingId });
  for (const { accessToken, own, acting } of [byPerson, byActor, bySession]) {
    await assert.rejects((await deployment.client(AccountsService, accessToken)).getAccount({ accountId: 'me' }), refusedWith('sys-core.SESSION_ENDED'));
    const { actings } = await own.listActings({});
    assert.deepEqual(actings.map(({ actingId, active }) => [actingId, active]), [[acting.actingId, false]]);
  }
});

everyTopology('it ends with its time, with the sessions of the person, and with the role of who acts', async (deployment) => {
  const { person, accessToken } = await acted(deployment);
  const call = async (token: string) => (await deployment.client(AccountsService, token)).getAccount({ accountId: 'me' });
  await (await person.accounts()).changePassword({ accountId: 'me', currentPassword: password, newPassword: 'seven lukewarm teapots' });
  await assert.rejects(call(accessToken), refusedWith('sys-core.SESSION_ENDED'));
  const timed = await acted(deployment);
  await deployment.sqlOf('sys-accounts', 'update sys_accounts.sys_accounts_sessions set expires_at = now() where actor_id is not null and account_id = $1', [timed.person.accountId]);
  await until(async () => call(timed.accessToken).then(() => false, () => true), 'the time is over');
  const stripped = await acted(deployment);
  await deployment.sqlOf('sys-accounts', 'update sys_accounts.sys_accounts_sessions set actor_id = account_id where actor_id is not null and account_id = $1', [stripped.person.accountId]);
  await until(async () => call(stripped.accessToken).then(() => false, () => true), 'who acts is no Platform Administrator');
});

everyTopology('nobody acts for operators, for themselves, for who is locked, or without being a Platform Administrator', async (deployment) => {
  const operator = await deployment.client(ActingService, root);
  const idOf = async (email: string) => (await (await deployment.client(AccountsService, email)).getAccount({ accountId: 'me' })).accountId;
  for (const email of [root, 'ops@mainstay.test']) await assert.rejects(operator.beginActing({ accountId: await idOf(email), reason }), refusedWith('sys-accounts.ACTING_FOR_OPERATOR'));
  const person = await Person.in(deployment);
  for (const email of ['olga@acme.test', 'ops@mainstay.test']) await assert.rejects((await deployment.client(ActingService, email)).beginActing({ accountId: person.accountId, reason }), (error) => ConnectError.from(error).code === Code.PermissionDenied);
  await assert.rejects(operator.beginActing({ accountId: crypto.randomUUID(), reason }), refusedWith('sys-accounts.ACCOUNT_NOT_FOUND'));
  await (await deployment.client(AccountsService, root)).lockAccount({ accountId: person.accountId, reason: 'the bill is open' });
  await assert.rejects(operator.beginActing({ accountId: person.accountId, reason }), refusedWith('sys-accounts.ACCOUNT_NOT_IN_USE'));
});
