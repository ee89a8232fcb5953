import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { emailsTo, everyTopology, type TestDeployment, until } from '@mainstay/testing';
import { assurance, Factor, OrgsService, Role, SecondFactorsService } from '../../contract/index.ts';
import { countTo, mailTo } from '../../testing/mail.ts';
import { Person, totp } from '../../testing/people.ts';

const refusedWith = (...reasons: string[]) => (error: unknown) => {
  assert.ok(reasons.includes(reasonOf(error) ?? ''), String(error));
  return true;
};
const byEmail = (value: string) => ({ proof: { case: 'emailCode' as const, value } });
const codeIn = (text: string): string => /\b\d{6}\b/.exec(text)![0];
const wrong = (code: string): string => code.replace(/^./, (digit) => String((Number(digit) + 1) % 10));

/** Somebody who takes codes by e-mail. */
async function withCodes(deployment: TestDeployment): Promise<Person> {
  const person = await Person.in(deployment);
  const factors = await person.factors();
  const { secondFactor } = await factors.createSecondFactor({ factor: Factor.EMAIL_CODE });
  const { secondFactorId } = secondFactor!;
  const code = codeIn((await mailTo(deployment, person.email, 'login-code')).text);
  await assert.rejects(factors.confirmSecondFactor({ secondFactorId, proof: byEmail(wrong(code)) }), refusedWith('sys-accounts.FACTOR_WRONG'));
  assert.equal((await factors.confirmSecondFactor({ secondFactorId, proof: byEmail(code) })).recoveryCodes.length, 10);
  return person;
}

/** Begins a login and has its code sent. */
async function loginWithCode(deployment: TestDeployment, person: Person): Promise<{ loginToken: string; code: string }> {
  const before = await countTo(deployment, person.email, 'login-code');
  const { loginToken } = (await person.logIn()).challenge!;
  await (await person.sessions()).sendLoginCode({ loginToken });
  await until(async () => (await countTo(deployment, person.email, 'login-code')) > before, 'the code comes');
  return { loginToken, code: codeIn((await mailTo(deployment, person.email, 'login-code')).text) };
}

everyTopology('a code by e-mail proves a login, once', async (deployment) => {
  const person = await withCodes(deployment);
  const { loginToken, code } = await loginWithCode(deployment, person);
  const sessions = await person.sessions();
  const tokens = await sessions.continueLogin({ loginToken, proof: byEmail(code) });
  person.use(tokens);
  const { amr, acr } = (await (await person.ownSessions()).listSessions({})).sessions.find(({ current }) => current)!;
  assert.deepEqual([amr, acr], [['pwd', 'otp', 'email', 'mfa'], assurance.twoFactors]);
  await assert.rejects(sessions.continueLogin({ loginToken, proof: byEmail(code) }), refusedWith('sys-accounts.LOGIN_OVER'));
  const next = (await person.logIn()).challenge!;
  await assert.rejects(sessions.continueLogin({ loginToken: next.loginToken, proof: byEmail(code) }), refusedWith('sys-accounts.FACTOR_WRONG'));
});

everyTopology('exactly one of eight uses of a code by e-mail at once succeeds', async (deployment) => {
  const person = await withCodes(deployment);
  const { loginToken, code } = await loginWithCode(deployment, person);
  const clients = await Promise.all(Array.from({ length: 8 }, () => person.sessions()));
  const results = await Promise.allSettled(clients.map((sessions) => sessions.continueLogin({ loginToken, proof: byEmail(code) })));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
});

everyTopology('a login takes five guesses at its code, and the code of no other login', async (deployment) => {
  const [person, other] = [await withCodes(deployment), await withCodes(deployment)];
  const [{ loginToken, code }, others] = [await loginWithCode(deployment, person), await loginWithCode(deployment, other)];
  const sessions = await person.sessions();
  for (const guess of [wrong(code), others.code === code ? wrong(code) : others.code, wrong(code), wrong(code), wrong(code)]) await assert.rejects(sessions.continueLogin({ loginToken, proof: byEmail(guess) }), refusedWith('sys-accounts.FACTOR_WRONG'));
  await assert.rejects(sessions.continueLogin({ loginToken, proof: byEmail(code) }), refusedWith('sys-accounts.LOGIN_OVER'));
});

everyTopology('a code is sent three times at most, for a login that goes on, to who takes such codes', async (deployment) => {
  const [person, other] = [await withCodes(deployment), await Person.in(deployment)];
  const { loginToken, code } = await loginWithCode(deployment, person);
  const sessions = await person.sessions();
  for (let more = 1; more <= 2; more++) await sessions.sendLoginCode({ loginToken });
  await assert.rejects(sessions.sendLoginCode({ loginToken }), refusedWith('sys-accounts.CODE_SENT_OFTEN'));
  await until(async () => (await countTo(deployment, person.email, 'login-code')) === 4, 'the code comes again');
  const codes = (await emailsTo(deployment, person.email)).filter(({ template }) => template === 'sys-accounts/login-code').slice(1).map(({ text }) => codeIn(text));
  assert.deepEqual(codes, [code, code, code]);
  await deployment.sqlOf('sys-accounts', 'update sys_accounts.sys_accounts_logins set expires_at = now() where account_id = $1', [person.accountId]);
  await assert.rejects(sessions.sendLoginCode({ loginToken }), refusedWith('sys-accounts.LOGIN_OVER'));
  await assert.rejects(sessions.continueLogin({ loginToken, proof: byEmail(code) }), refusedWith('sys-accounts.LOGIN_OVER'));
  const { app } = await other.addTotp();
  const challenge = (await other.logIn()).challenge!;
  await assert.rejects(sessions.sendLoginCode({ loginToken: challenge.loginToken }), refusedWith('sys-accounts.NO_CODES_BY_EMAIL'));
  await sessions.continueLogin({ loginToken: challenge.loginToken, proof: totp(app.code()) });
});

everyTopology('a code that was not sent is not guessed by who waits for another', async (deployment) => {
  const person = await withCodes(deployment);
  const { loginToken } = (await person.logIn()).challenge!;
  await assert.rejects((await person.sessions()).continueLogin({ loginToken, proof: byEmail('000000') }), refusedWith('sys-accounts.FACTOR_WRONG'));
});

everyTopology('a person is told when a second factor is added or removed, and when an administrator removes all', async (deployment) => {
  const person = await Person.in(deployment);
  const { secondFactorId } = await person.addTotp();
  await (await person.factors()).deleteSecondFactor({ secondFactorId });
  await until(async () => (await countTo(deployment, person.email, 'second-factors-changed')) === 2, 'both changes are told');
  const olga = await deployment.client(OrgsService, 'olga@acme.test');
  const orgId = (await olga.listOrgs({})).orgs.find(({ name }) => name === 'Acme')!.orgId;
  await olga.addMember({ orgId, email: person.email, role: Role.USER });
  await (await deployment.client(SecondFactorsService, 'olga@acme.test')).resetSecondFactors({ orgId, accountId: person.accountId });
  assert.match((await mailTo(deployment, person.email, 'second-factors-reset')).text, /administrator/);
});
