import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology, type TestDeployment, until } from '@mainstay/testing';
import { ApiKeysService, assurance, Factor, OrgsService, Role, SecondFactorsService } from '../../contract/index.ts';
import { byPassword, passkey, password, Person, recovery, totp } from '../../testing/people.ts';

const refusedWith = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  return true;
};
const isAskedToStepUp = refusedWith('sys-core.STEP_UP_REQUIRED');

/** Lets the present session be older than it is, for every process. */
async function age(deployment: TestDeployment, { sessionId }: Person, minutes: number): Promise<void> {
  await deployment.sqlOf('sys-accounts', `update sys_accounts.sys_accounts_sessions set auth_time = now() - $2 * interval '1 minute', created_at = created_at - $2 * interval '1 minute' where id = $1`, [sessionId, minutes]);
}

/** Until every process has heard of a change that was made behind its back. */
const untilAsked = (work: () => Promise<unknown>): Promise<unknown> => until(async () => work().then(() => false, (error: unknown) => reasonOf(error) === 'sys-core.STEP_UP_REQUIRED'), 'the guard asks for a step up');

/** Somebody with an app, whose session shows the password alone: on a remembered device. */
async function onRememberedDevice(deployment: TestDeployment) {
  const person = await Person.in(deployment);
  const added = await person.addTotp();
  const { challenge } = await person.logIn();
  const { deviceToken } = await (await person.sessions()).continueLogin({ loginToken: challenge!.loginToken, proof: recovery(added.recoveryCodes[0]!), rememberDevice: true });
  person.use(await person.logIn({ deviceToken }));
  return { person, ...added };
}

everyTopology('who has a second factor and did not show it does nothing dangerous', async (deployment) => {
  const { person, app, secondFactorId } = await onRememberedDevice(deployment);
  const factors = await person.factors();
  const dangerous = [
    () => factors.deleteSecondFactor({ secondFactorId }),
    () => factors.createSecondFactor({ factor: Factor.TOTP }),
    () => factors.createRecoveryCodes({}),
    async () => (await person.accounts()).changePassword({ accountId: 'me', currentPassword: password, newPassword: password }),
    async () => (await person.accounts()).closeAccount({ accountId: 'me', password }),
    async () => (await deployment.client(ApiKeysService, person.accessToken)).createApiKey({ name: 'a program' }),
  ];
  for (const attempt of dangerous) await assert.rejects(attempt, isAskedToStepUp);
  const sessions = await person.ownSessions();
  const { loginToken, factors: asked } = await sessions.beginStepUp({});
  assert.deepEqual(asked, [Factor.TOTP, Factor.RECOVERY_CODE]);
  const session = await sessions.stepUpSession({ loginToken, proof: totp(app.code()) });
  assert.deepEqual([session.sessionId, session.acr, session.amr], [person.sessionId, assurance.twoFactors, ['pwd', 'otp', 'mfa']]);
  await factors.createRecoveryCodes({});
});

everyTopology('over REST who has to step up is told so as RFC 9470 says', async (deployment) => {
  const { person } = await onRememberedDevice(deployment);
  const response = await deployment.fetch('/v1/recoveryCodes', { body: {}, as: person.accessToken });
  assert.equal(response.status, 401);
  assert.match(response.headers.get('www-authenticate') ?? '', /^Bearer error="insufficient_user_authentication", .*acr_values="urn:mainstay:acr:2", max_age="3600"$/);
  assert.equal(((await response.json()) as { reason: string }).reason, 'sys-core.STEP_UP_REQUIRED');
});

everyTopology('who signed in long ago proves it again, by the password if there is nothing else', async (deployment) => {
  const person = await Person.in(deployment);
  const change = async () => (await person.accounts()).changePassword({ accountId: 'me', currentPassword: password, newPassword: password });
  await change();
  await age(deployment, person, 61);
  await untilAsked(change);
  const sessions = await person.ownSessions();
  const begun = await sessions.beginStepUp({});
  assert.deepEqual(begun.factors, [Factor.PASSWORD]);
  await assert.rejects(sessions.stepUpSession({ loginToken: begun.loginToken, proof: byPassword('not the password') }), refusedWith('sys-accounts.FACTOR_WRONG'));
  const session = await sessions.stepUpSession({ loginToken: begun.loginToken, proof: byPassword() });
  assert.deepEqual([session.amr, session.acr], [['pwd'], assurance.oneFactor]);
  await change();
});

everyTopology('a passkey steps a session up, and a password does not where there is a second factor', async (deployment) => {
  const person = await Person.in(deployment);
  const { authenticator } = await person.addPasskey();
  await age(deployment, person, 61);
  await untilAsked(async () => (await person.factors()).createRecoveryCodes({}));
  const sessions = await person.ownSessions();
  const { loginToken, passkeyOptions } = await sessions.beginStepUp({});
  await assert.rejects(sessions.stepUpSession({ loginToken, proof: byPassword() }), refusedWith('sys-accounts.FACTOR_WRONG'));
  await sessions.stepUpSession({ loginToken, proof: passkey(authenticator.get(passkeyOptions)) });
  await (await person.factors()).createRecoveryCodes({});
});

everyTopology('a step up is good for its own session alone, once, and begins no session', async (deployment) => {
  const [{ person, recoveryCodes }, other] = [await onRememberedDevice(deployment), await Person.in(deployment)];
  const sessions = await person.ownSessions();
  const { loginToken } = await sessions.beginStepUp({});
  const proof = recovery(recoveryCodes[1]!);
  await assert.rejects((await other.ownSessions()).stepUpSession({ loginToken, proof }), refusedWith('sys-accounts.LOGIN_OVER'));
  await assert.rejects(sessions.continueLogin({ loginToken, proof }), refusedWith('sys-accounts.LOGIN_OVER'));
  const { challenge } = await person.logIn();
  await assert.rejects(sessions.stepUpSession({ loginToken: challenge!.loginToken, proof }), refusedWith('sys-accounts.LOGIN_OVER'));
  const results = await Promise.allSettled(Array.from({ length: 3 }, () => sessions.stepUpSession({ loginToken, proof })));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  await assert.rejects(sessions.stepUpSession({ loginToken, proof: recovery(recoveryCodes[2]!) }), refusedWith('sys-accounts.LOGIN_OVER'));
});

everyTopology('an API key goes on with what it may, and proves nothing', async (deployment) => {
  const person = await Person.in(deployment);
  const { secret } = await (await deployment.client(ApiKeysService, person.accessToken)).createApiKey({ name: 'a program' });
  await person.addTotp();
  const response = await deployment.fetch('/v1/sessions/current:beginStepUp', { body: {}, as: secret });
  assert.equal(((await response.json()) as { reason: string }).reason, 'sys-accounts.API_KEYS_ARE_FOR_PEOPLE');
  assert.equal((await deployment.fetch('/v1/accounts/me', { as: secret })).status, 200);
});

everyTopology('a member without the second factor that an org demands does nothing there but add one', async (deployment) => {
  const [admin, member] = [await Person.in(deployment), await Person.in(deployment)];
  const root = await deployment.client(OrgsService, 'root@mainstay.test');
  const { orgId } = await root.createOrg({ org: { name: crypto.randomUUID() } });
  await root.addMember({ orgId, email: admin.email, role: Role.ADMIN });
  await root.addMember({ orgId, email: member.email, role: Role.USER });
  await admin.addTotp();
  const headers = { 'mainstay-org': orgId };
  const set = await deployment.fetch('/v1/settings/sys-accounts/secondFactorRequired', { method: 'PATCH', as: admin.accessToken, headers, body: { orgId, value: true } });
  assert.equal(set.status, 200, await set.text());
  const list = (as: string, org = orgId) => deployment.fetch(`/v1/orgs/${org}/projects`, { as, headers: { 'mainstay-org': org } });
  // Each process learns of a setting by itself.
  await until(async () => (await Promise.all(Array.from({ length: 16 }, () => list(member.accessToken)))).every(({ status }) => status === 403), 'the org demands a second factor');
  const refused = (await (await list(member.accessToken)).json()) as { reason: string };
  assert.equal(refused.reason, 'sys-core.SECOND_FACTOR_REQUIRED');
  assert.equal((await list(admin.accessToken)).status, 200);
  const { personalOrgId } = await (await member.accounts()).getAccount({ accountId: 'me' });
  assert.equal((await list(member.accessToken, personalOrgId)).status, 200);
  for (const path of ['/v1/accounts/me', '/v1/orgs', '/v1/secondFactors', '/v1/sessions']) assert.equal((await deployment.fetch(path, { as: member.accessToken, headers })).status, 200, path);
  const { secondFactorId } = await member.addTotp();
  assert.equal((await list(member.accessToken)).status, 200);
  await (await deployment.client(SecondFactorsService, member.accessToken)).deleteSecondFactor({ secondFactorId });
  assert.equal((await list(member.accessToken)).status, 403);
});
