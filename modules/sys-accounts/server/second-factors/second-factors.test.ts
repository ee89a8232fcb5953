import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology } from '@mainstay/testing';
import { ApiKeysService, Factor, OrgsService, Role, SecondFactorsService } from '../../contract/index.ts';
import { Person, passkey, totp } from '../../testing/people.ts';

const refusedWith = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  return true;
};

everyTopology('an app counts once its first code was right', async (deployment) => {
  const person = await Person.in(deployment);
  const factors = await person.factors();
  const { secondFactor, totpUri, totpSecret } = await factors.createSecondFactor({ factor: Factor.TOTP, name: 'phone' });
  assert.match(totpUri, /^otpauth:\/\/totp\/.*secret=/);
  assert.ok(totpSecret.length === 32);
  assert.deepEqual((await factors.listSecondFactors({})).secondFactors, []);
  assert.ok((await person.logIn()).accessToken);
  const { secondFactorId } = secondFactor!;
  await assert.rejects(factors.confirmSecondFactor({ secondFactorId, proof: passkey('{}') }), refusedWith('sys-accounts.FACTOR_WRONG'));
  assert.ok((await person.logIn()).accessToken);
  const { app, recoveryCodes } = await person.addTotp();
  assert.equal(new Set(recoveryCodes).size, 10);
  const { secondFactors, recoveryCodesLeft } = await factors.listSecondFactors({});
  assert.deepEqual([secondFactors.map(({ factor, name }) => [factor, name]), recoveryCodesLeft], [[[Factor.TOTP, 'phone']], 10]);
  const { challenge } = await person.logIn();
  await (await person.sessions()).continueLogin({ loginToken: challenge!.loginToken, proof: totp(app.code()) });
  assert.ok((await factors.listSecondFactors({})).secondFactors[0]!.lastUseTime);
});

everyTopology('what was begun longer than ten minutes ago, or tried five times, can not be confirmed', async (deployment) => {
  const person = await Person.in(deployment);
  const factors = await person.factors();
  const begin = async () => (await factors.createSecondFactor({ factor: Factor.TOTP })).secondFactor!.secondFactorId;
  const secondFactorId = await begin();
  for (let guess = 1; guess <= 5; guess++) await assert.rejects(factors.confirmSecondFactor({ secondFactorId, proof: passkey('{}') }), refusedWith('sys-accounts.FACTOR_WRONG'));
  await assert.rejects(factors.confirmSecondFactor({ secondFactorId, proof: passkey('{}') }), refusedWith('sys-accounts.SECOND_FACTOR_NOT_FOUND'));
  const late = await begin();
  await deployment.sqlOf('sys-accounts', `update sys_accounts.sys_accounts_second_factors set created_at = created_at - interval '11 minutes' where id = $1`, [late]);
  await assert.rejects(factors.confirmSecondFactor({ secondFactorId: late, proof: passkey('{}') }), refusedWith('sys-accounts.SECOND_FACTOR_NOT_FOUND'));
});

everyTopology("nobody sees, confirms, names or removes another's second factor", async (deployment) => {
  const [person, other] = [await Person.in(deployment), await Person.in(deployment)];
  const { secondFactorId } = await person.addTotp();
  const pending = (await (await person.factors()).createSecondFactor({ factor: Factor.TOTP })).secondFactor!.secondFactorId;
  const factors = await other.factors();
  assert.deepEqual((await factors.listSecondFactors({})).secondFactors, []);
  await assert.rejects(factors.confirmSecondFactor({ secondFactorId: pending, proof: totp('000000') }), refusedWith('sys-accounts.SECOND_FACTOR_NOT_FOUND'));
  await assert.rejects(factors.updateSecondFactor({ secondFactorId, name: 'mine' }), refusedWith('sys-accounts.SECOND_FACTOR_NOT_FOUND'));
  await assert.rejects(factors.deleteSecondFactor({ secondFactorId }), refusedWith('sys-accounts.SECOND_FACTOR_NOT_FOUND'));
});

everyTopology('a second factor is named anew and removed, and with the last one the codes go', async (deployment) => {
  const person = await Person.in(deployment);
  const { secondFactorId } = await person.addTotp();
  const { secondFactorId: key } = await person.addPasskey();
  const factors = await person.factors();
  assert.equal((await factors.updateSecondFactor({ secondFactorId, name: 'old phone' })).name, 'old phone');
  await factors.deleteSecondFactor({ secondFactorId });
  const left = await factors.listSecondFactors({});
  assert.deepEqual([left.secondFactors.map(({ factor }) => factor), left.recoveryCodesLeft], [[Factor.PASSKEY], 10]);
  await factors.deleteSecondFactor({ secondFactorId: key });
  assert.equal((await factors.listSecondFactors({})).recoveryCodesLeft, 0);
  assert.ok((await person.logIn()).accessToken);
  await assert.rejects(factors.createRecoveryCodes({}), refusedWith('sys-accounts.NO_SECOND_FACTOR'));
});

everyTopology('an API key changes no second factor', async (deployment) => {
  const person = await Person.in(deployment);
  const { secret } = await (await deployment.client(ApiKeysService, person.accessToken)).createApiKey({ name: 'a program' });
  const { secondFactorId } = await person.addTotp();
  const factors = await deployment.client(SecondFactorsService, secret);
  for (const change of [() => factors.createSecondFactor({ factor: Factor.TOTP }), () => factors.deleteSecondFactor({ secondFactorId }), () => factors.createRecoveryCodes({})]) await assert.rejects(change, refusedWith('sys-accounts.API_KEYS_ARE_FOR_PEOPLE'));
});

everyTopology('an administrator resets the second factors of a member who is of no other org, and reads none', async (deployment) => {
  const person = await Person.in(deployment);
  await person.addTotp();
  const olga = await deployment.client(OrgsService, 'olga@acme.test');
  const reset = await deployment.client(SecondFactorsService, 'olga@acme.test');
  const orgId = (await olga.listOrgs({})).orgs.find(({ name }) => name === 'Acme')!.orgId;
  const { accountId } = person;
  await assert.rejects(reset.resetSecondFactors({ orgId, accountId }), refusedWith('sys-accounts.MEMBER_NOT_FOUND'));
  await olga.addMember({ orgId, email: person.email, role: Role.USER });
  await assert.rejects((await deployment.client(SecondFactorsService, 'ada@acme.test')).resetSecondFactors({ orgId, accountId }), refusedWith('kernel.PERMISSION_DENIED'));
  const root = await deployment.client(OrgsService, 'root@mainstay.test');
  const other = await root.createOrg({ org: { name: crypto.randomUUID() } });
  await root.addMember({ orgId: other.orgId, email: person.email, role: Role.USER });
  await assert.rejects(reset.resetSecondFactors({ orgId, accountId }), refusedWith('sys-accounts.MEMBER_OF_OTHERS'));
  await root.removeMember({ orgId: other.orgId, accountId });
  await reset.resetSecondFactors({ orgId, accountId });
  assert.ok((await person.logIn()).accessToken);
  await person.addTotp();
  await (await deployment.client(SecondFactorsService, 'root@mainstay.test')).resetSecondFactors({ orgId, accountId });
  assert.ok((await person.logIn()).accessToken);
});

everyTopology('closing an account removes its second factors and what goes with them', async (deployment) => {
  const person = await Person.in(deployment);
  await person.addTotp();
  await person.logIn();
  await (await person.accounts()).closeAccount({ accountId: 'me', password: 'correct horse battery' });
  for (const table of ['second_factors', 'recovery_codes', 'remembered_devices', 'logins', 'login_places']) assert.deepEqual(await deployment.sqlOf('sys-accounts', `select account_id from sys_accounts.sys_accounts_${table} where account_id = $1`, [person.accountId]), [], table);
});
