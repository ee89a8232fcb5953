import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { assurance, Factor, type SessionTokens } from '../../contract/index.ts';
import { passkey, password, Person, recovery, totp } from '../../testing/people.ts';

const refusedWith = (...reasons: string[]) => (error: unknown) => {
  assert.ok(reasons.includes(reasonOf(error) ?? ''), String(error));
  return true;
};

const tokenOf = ({ challenge }: SessionTokens): string => challenge!.loginToken;

/** What became of eight uses at once, by connections that are open already. */
async function eightAtOnce<T>(person: Person, use: (sessions: Awaited<ReturnType<Person['sessions']>>, at: number) => Promise<T>): Promise<PromiseSettledResult<T>[]> {
  const clients = await Promise.all(Array.from({ length: 8 }, () => person.sessions()));
  await Promise.allSettled(clients.map((sessions) => sessions.refreshSession({ refreshToken: 'x'.repeat(43) })));
  return Promise.allSettled(clients.map(use));
}

const succeeded = (results: PromiseSettledResult<unknown>[]): number => results.filter(({ status }) => status === 'fulfilled').length;

/** Makes a login, or whatever waits for a proof, older than it is. */
const older = (deployment: TestDeployment, { accountId }: Person, minutes: number) => deployment.sqlOf('sys-accounts', `update sys_accounts.sys_accounts_logins set expires_at = expires_at - $2 * interval '1 minute' where account_id = $1`, [accountId, minutes]);

everyTopology('an account without a second factor logs in by its password alone, as ever', async (deployment) => {
  const person = await Person.in(deployment);
  const tokens = await person.logIn();
  assert.ok(tokens.accessToken && !tokens.challenge);
  const { sessions } = await (await person.ownSessions()).listSessions({});
  assert.deepEqual(sessions.map(({ amr, acr }) => [amr, acr]), [[['pwd'], assurance.oneFactor], [['pwd'], assurance.oneFactor]]);
});

everyTopology('an account with an app is asked for its code, and gets no session before', async (deployment) => {
  const person = await Person.in(deployment);
  const { app } = await person.addTotp();
  const asked = await person.logIn();
  assert.deepEqual([asked.accessToken, asked.refreshToken, asked.sessionId, asked.account], ['', '', '', undefined]);
  assert.deepEqual(asked.challenge!.factors, [Factor.TOTP, Factor.RECOVERY_CODE]);
  const tokens = await (await person.sessions()).continueLogin({ loginToken: tokenOf(asked), proof: totp(app.code()) });
  person.use(tokens);
  const { sessions } = await (await person.ownSessions()).listSessions({});
  const now = sessions.find(({ current }) => current)!;
  assert.deepEqual([now.amr, now.acr], [['pwd', 'otp', 'mfa'], assurance.twoFactors]);
  assert.ok(now.authTime);
});

everyTopology('over REST a login goes on with what its answer says', async (deployment) => {
  const person = await Person.in(deployment);
  const { app } = await person.addTotp();
  const asked = (await (await deployment.fetch('/v1/sessions', { body: { email: person.email, password } })).json()) as { accessToken?: string; challenge: { loginToken: string; factors: string[] } };
  assert.ok(!asked.accessToken);
  assert.deepEqual(asked.challenge.factors, ['TOTP', 'RECOVERY_CODE']);
  const response = await deployment.fetch('/v1/sessions:continueLogin', { body: { loginToken: asked.challenge.loginToken, proof: { totpCode: app.code() } } });
  const { accessToken } = (await response.json()) as { accessToken: string };
  assert.equal((await deployment.fetch('/v1/accounts/me', { as: accessToken })).status, 200);
});

everyTopology('a code is good once, and no older one is good after it', async (deployment) => {
  const person = await Person.in(deployment);
  const { app } = await person.addTotp();
  const sessions = await person.sessions();
  const code = app.code();
  await sessions.continueLogin({ loginToken: tokenOf(await person.logIn()), proof: totp(code) });
  for (const used of [code, app.codeNow(), app.oldCode()]) await assert.rejects(sessions.continueLogin({ loginToken: tokenOf(await person.logIn()), proof: totp(used) }), refusedWith('sys-accounts.FACTOR_WRONG'));
});

everyTopology('exactly one of eight uses of a code at once succeeds, each in a login of its own', async (deployment) => {
  const person = await Person.in(deployment);
  const { app } = await person.addTotp();
  const logins: string[] = [];
  for (let at = 0; at < 8; at++) logins.push(tokenOf(await person.logIn()));
  const code = app.code();
  const results = await eightAtOnce(person, (sessions, at) => sessions.continueLogin({ loginToken: logins[at]!, proof: totp(code) }));
  assert.equal(succeeded(results), 1, JSON.stringify(results.map((result) => (result.status === 'rejected' ? reasonOf(result.reason) : 'ok'))));
});

everyTopology('exactly one of eight uses of a recovery code at once succeeds, each in a login of its own', async (deployment) => {
  const person = await Person.in(deployment);
  const { recoveryCodes } = await person.addTotp();
  const logins: string[] = [];
  for (let at = 0; at < 8; at++) logins.push(tokenOf(await person.logIn()));
  const results = await eightAtOnce(person, (sessions, at) => sessions.continueLogin({ loginToken: logins[at]!, proof: recovery(recoveryCodes[3]!) }));
  assert.equal(succeeded(results), 1);
});

everyTopology('exactly one of eight passes one login at once', async (deployment) => {
  const person = await Person.in(deployment);
  const { recoveryCodes } = await person.addTotp();
  const loginToken = tokenOf(await person.logIn());
  const results = await eightAtOnce(person, (sessions, at) => sessions.continueLogin({ loginToken, proof: recovery(recoveryCodes[at]!) }));
  assert.equal(succeeded(results), 1);
  await assert.rejects((await person.sessions()).continueLogin({ loginToken, proof: recovery(recoveryCodes[9]!) }), refusedWith('sys-accounts.LOGIN_OVER'));
});

everyTopology('a recovery code is good once, however it is typed, and new ones end those before', async (deployment) => {
  const person = await Person.in(deployment);
  const { recoveryCodes: [first, second, third] } = await person.addTotp();
  const sessions = await person.sessions();
  const pass = async (code: string) => sessions.continueLogin({ loginToken: tokenOf(await person.logIn()), proof: recovery(code) });
  person.use(await pass(first!));
  await assert.rejects(pass(first!), refusedWith('sys-accounts.FACTOR_WRONG'));
  await pass(` ${second!.toUpperCase().replaceAll('-', ' ').replaceAll('0', 'O').replaceAll('1', 'I')} `);
  const factors = await person.factors();
  assert.equal((await factors.listSecondFactors({})).recoveryCodesLeft, 8);
  const { recoveryCodes } = await factors.createRecoveryCodes({});
  assert.equal(new Set(recoveryCodes).size, 10);
  await assert.rejects(pass(third!), refusedWith('sys-accounts.FACTOR_WRONG'));
  await pass(recoveryCodes[0]!);
});

everyTopology('the code or recovery code of another account proves nothing', async (deployment) => {
  const [person, other] = [await Person.in(deployment), await Person.in(deployment)];
  await person.addTotp();
  const others = await other.addTotp();
  const sessions = await person.sessions();
  for (const proof of [totp(others.app.code()), recovery(others.recoveryCodes[0]!)]) await assert.rejects(sessions.continueLogin({ loginToken: tokenOf(await person.logIn()), proof }), refusedWith('sys-accounts.FACTOR_WRONG'));
});

everyTopology('a login with a changed letter in its token is refused, and so are one that expired and one that does not exist', async (deployment) => {
  const person = await Person.in(deployment);
  const { app } = await person.addTotp();
  const sessions = await person.sessions();
  const loginToken = tokenOf(await person.logIn());
  const changed = (loginToken[0] === 'A' ? 'B' : 'A') + loginToken.slice(1);
  for (const wrong of [changed, 'x'.repeat(43), `${loginToken}A`]) await assert.rejects(sessions.continueLogin({ loginToken: wrong, proof: totp(app.code()) }), refusedWith('sys-accounts.LOGIN_OVER'));
  await older(deployment, person, 11);
  await assert.rejects(sessions.continueLogin({ loginToken, proof: totp(app.code()) }), refusedWith('sys-accounts.LOGIN_OVER'));
});

everyTopology('a password shows nothing in the place of a second factor', async (deployment) => {
  const person = await Person.in(deployment);
  await person.addTotp();
  await assert.rejects((await person.sessions()).continueLogin({ loginToken: tokenOf(await person.logIn()), proof: { proof: { case: 'password', value: password } } }), refusedWith('sys-accounts.FACTOR_WRONG'));
});

everyTopology('more than five wrong codes ban the address, though the password was right between them', async (deployment) => {
  const person = await Person.in(deployment);
  const { app } = await person.addTotp();
  const sessions = await person.sessions();
  const guess = async () => sessions.continueLogin({ loginToken: tokenOf(await person.logIn()), proof: totp(app.oldCode()) });
  for (let failure = 1; failure <= 5; failure++) await assert.rejects(guess(), refusedWith('sys-accounts.FACTOR_WRONG'));
  await assert.rejects(guess(), refusedWith('sys-accounts.TOO_MANY_ATTEMPTS'));
  await assert.rejects(person.logIn(), refusedWith('sys-accounts.TOO_MANY_ATTEMPTS'));
});

everyTopology('who guesses codes of one account from many places gets no more of them, and its person still logs in by a passkey', async (deployment) => {
  const person = await Person.in(deployment);
  const { app } = await person.addTotp();
  const { authenticator } = await person.addPasskey();
  const sessions = await person.sessions();
  const pass = async (code: string) => sessions.continueLogin({ loginToken: tokenOf(await person.logIn()), proof: totp(code) });
  for (let failure = 1; failure <= 3; failure++) await assert.rejects(pass(app.oldCode()), refusedWith('sys-accounts.FACTOR_WRONG'));
  await assert.rejects(pass(app.oldCode()), refusedWith('sys-accounts.TOO_MANY_ATTEMPTS'));
  await assert.rejects(pass(app.code()), refusedWith('sys-accounts.TOO_MANY_ATTEMPTS'));
  const { loginToken, passkeyOptions } = await sessions.beginPasskeyLogin({});
  await sessions.continueLogin({ loginToken, proof: passkey(authenticator.get(passkeyOptions)) });
}, { modules: { 'sys-core': null, 'sys-email': null, 'sys-accounts': { failedFactorsPerAccount: 3, failedLogins: 100 } } });

everyTopology('one login takes five guesses, however many come at once', async (deployment) => {
  const person = await Person.in(deployment);
  const { app } = await person.addTotp();
  const loginToken = tokenOf(await person.logIn());
  const results = await eightAtOnce(person, (sessions) => sessions.continueLogin({ loginToken, proof: totp(app.oldCode()) }));
  const told = results.filter((result) => result.status === 'rejected' && reasonOf(result.reason) === 'sys-accounts.FACTOR_WRONG');
  assert.ok(told.length <= 5, `${told.length} were told that the code is wrong`);
  await assert.rejects((await person.sessions()).continueLogin({ loginToken, proof: totp(app.code()) }), refusedWith('sys-accounts.LOGIN_OVER', 'sys-accounts.TOO_MANY_ATTEMPTS'));
});

everyTopology('a login that waits ends when the password changes', async (deployment) => {
  const person = await Person.in(deployment);
  const { app } = await person.addTotp();
  const loginToken = tokenOf(await person.logIn());
  await (await person.accounts()).changePassword({ accountId: 'me', currentPassword: password, newPassword: 'another horse battery' });
  await assert.rejects((await person.sessions()).continueLogin({ loginToken, proof: totp(app.code()) }), refusedWith('sys-accounts.LOGIN_OVER'));
});

everyTopology('a new password at a login counts when the second factor is right, and not before', async (deployment) => {
  const person = await Person.in(deployment);
  const { app } = await person.addTotp();
  const sessions = await person.sessions();
  const next = 'another horse battery';
  const loginToken = tokenOf(await sessions.createSession({ email: person.email, password, newPassword: next }));
  await assert.rejects(person.logIn({ password: next }), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
  await sessions.continueLogin({ loginToken, proof: totp(app.code()) });
  assert.ok((await person.logIn({ password: next })).challenge);
});

everyTopology('a session has a name of its own, whoever began the login before', async (deployment) => {
  const person = await Person.in(deployment);
  const { recoveryCodes } = await person.addTotp();
  const sessions = await person.sessions();
  const one = await sessions.continueLogin({ loginToken: tokenOf(await person.logIn()), proof: recovery(recoveryCodes[0]!) });
  const two = await sessions.continueLogin({ loginToken: tokenOf(await person.logIn()), proof: recovery(recoveryCodes[1]!) });
  assert.equal(new Set([one, two].flatMap((tokens) => [tokens.sessionId, tokens.accessToken, tokens.refreshToken])).size, 6);
});

everyTopology('nothing that proves a login is kept as it is', async (deployment) => {
  const person = await Person.in(deployment);
  const { recoveryCodes } = await person.addTotp();
  const asked = tokenOf(await person.logIn());
  const { deviceToken } = await (await person.sessions()).continueLogin({ loginToken: tokenOf(await person.logIn()), proof: recovery(recoveryCodes[0]!), rememberDevice: true });
  const tables = ['logins', 'second_factors', 'recovery_codes', 'remembered_devices', 'login_places', 'commands'];
  const kept = JSON.stringify(await Promise.all(tables.map((table) => deployment.sqlOf('sys-accounts', `select t::text as row from sys_accounts.sys_accounts_${table} t`))));
  for (const secret of [asked, deviceToken, ...recoveryCodes]) assert.ok(secret.length >= 19 && !kept.includes(secret));
});
