import assert from 'node:assert/strict';
import { reasonOf } from '@mainstay/kernel';
import { everyTopology } from '@mainstay/testing';
import { AccountsService, assurance, Factor, type LoginChallenge } from '../../contract/index.ts';
import { passkey, Person } from '../../testing/people.ts';
import { SoftwareAuthenticator } from '../../testing/software-authenticator.ts';

const refusedWith = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  return true;
};
const isWrong = refusedWith('sys-accounts.FACTOR_WRONG');

/** Answers a challenge with what an authenticator makes of it. */
const answer = async (person: Person, { loginToken, passkeyOptions }: LoginChallenge, make: (options: string) => string) => (await person.sessions()).continueLogin({ loginToken, proof: passkey(make(passkeyOptions)) });

const proofOf = async (person: Person): Promise<[string[], string]> => {
  const { amr, acr } = (await (await person.ownSessions()).listSessions({})).sessions.find(({ current }) => current)!;
  return [amr, acr];
};

everyTopology('a passkey is a second factor beside the password', async (deployment) => {
  const person = await Person.in(deployment);
  const { authenticator } = await person.addPasskey(person.authenticator({ verifiesUser: false }));
  const { challenge } = await person.logIn();
  assert.deepEqual(challenge!.factors, [Factor.PASSKEY, Factor.RECOVERY_CODE]);
  person.use(await answer(person, challenge!, (options) => authenticator.get(options)));
  assert.deepEqual(await proofOf(person), [['pwd', 'hwk', 'user', 'mfa'], assurance.twoFactors]);
});

everyTopology('a passkey that verifies its user is enough by itself, and finds its account', async (deployment) => {
  const person = await Person.in(deployment);
  const { authenticator } = await person.addPasskey(person.authenticator({ backsUp: true, counts: false }));
  const login = async () => answer(person, await (await person.sessions()).beginPasskeyLogin({}), (options) => authenticator.get(options));
  const tokens = await login();
  assert.equal(tokens.account!.accountId, person.accountId);
  person.use(tokens);
  assert.deepEqual(await proofOf(person), [['swk', 'user', 'mfa'], assurance.twoFactors]);
  assert.equal((await (await person.factors()).listSecondFactors({})).secondFactors[0]!.backedUp, true);
  await login();
});

everyTopology('a passkey that verified nobody is not enough by itself', async (deployment) => {
  const person = await Person.in(deployment);
  const { authenticator } = await person.addPasskey(person.authenticator({ verifiesUser: false }));
  await assert.rejects(answer(person, await (await person.sessions()).beginPasskeyLogin({}), (options) => authenticator.get(options)), isWrong);
});

everyTopology('a changed byte, another challenge, another origin and the passkey of another prove nothing', async (deployment) => {
  const [person, other] = [await Person.in(deployment), await Person.in(deployment)];
  const { authenticator } = await person.addPasskey();
  const { authenticator: others } = await other.addPasskey();
  const begin = async () => (await (await person.sessions()).beginPasskeyLogin({}));
  const stranger = new SoftwareAuthenticator('https://evil.test');
  stranger.made.push(authenticator.made[0]!);
  const before = await begin();
  const wrong: ((options: string) => string)[] = [
    (options) => authenticator.get(options, ({ signature }) => void (signature[signature.length - 1]! ^= 1)),
    (options) => authenticator.get(options, ({ authData }) => void (authData[36]! ^= 1)),
    (options) => authenticator.get(options, ({ authData }) => void (authData[0]! ^= 1)),
    () => authenticator.get(before.passkeyOptions),
    (options) => stranger.get(options),
    () => 'not JSON at all',
    () => '{"id":"AAAA"}',
  ];
  for (const make of wrong) {
    await assert.rejects(answer(person, await begin(), make), isWrong);
    // Before there are too many failures.
    await answer(person, await begin(), (options) => authenticator.get(options));
  }
  const { challenge } = await person.logIn();
  const anyone = JSON.stringify({ ...(JSON.parse(challenge!.passkeyOptions) as object), allowCredentials: [] });
  await assert.rejects(answer(person, challenge!, () => others.get(anyone)), isWrong);
});

everyTopology('what was signed once is not taken again, and exactly one of eight at once succeeds', async (deployment) => {
  const person = await Person.in(deployment);
  const { authenticator } = await person.addPasskey();
  const clients = await Promise.all(Array.from({ length: 8 }, () => person.sessions()));
  const { loginToken, passkeyOptions } = await clients[0]!.beginPasskeyLogin({});
  const proof = passkey(authenticator.get(passkeyOptions));
  const results = await Promise.allSettled(clients.map((sessions) => sessions.continueLogin({ loginToken, proof })));
  assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1);
  await assert.rejects(clients[0]!.continueLogin({ loginToken, proof }), refusedWith('sys-accounts.LOGIN_OVER'));
  await assert.rejects(clients[0]!.continueLogin({ loginToken: (await clients[0]!.beginPasskeyLogin({})).loginToken, proof }), isWrong);
});

everyTopology('a copy of an authenticator, whose counter stands still, is refused', async (deployment) => {
  const person = await Person.in(deployment);
  const { authenticator } = await person.addPasskey();
  const login = async () => answer(person, await (await person.sessions()).beginPasskeyLogin({}), (options) => authenticator.get(options));
  await login();
  await login();
  authenticator.made[0]!.counter = 0;
  await assert.rejects(login(), isWrong);
});

everyTopology('who proves a passkey of a locked account is told that it is locked, and nobody else is', async (deployment) => {
  const [person, other] = [await Person.in(deployment), await Person.in(deployment)];
  const { authenticator } = await person.addPasskey();
  const { authenticator: others } = await other.addPasskey();
  await (await deployment.client(AccountsService, 'root@mainstay.test')).lockAccount({ accountId: person.accountId, reason: 'a test' });
  const sessions = await person.sessions();
  await assert.rejects(answer(person, await sessions.beginPasskeyLogin({}), (options) => authenticator.get(options)), refusedWith('sys-accounts.ACCOUNT_LOCKED'));
  const withoutUser = JSON.stringify({ id: authenticator.made[0]!.id.toString('base64url') });
  await assert.rejects(answer(person, await sessions.beginPasskeyLogin({}), () => withoutUser), isWrong);
  await answer(other, await sessions.beginPasskeyLogin({}), (options) => others.get(options));
});

everyTopology('the id of a passkey is not taken by another account', async (deployment) => {
  const [person, other] = [await Person.in(deployment), await Person.in(deployment)];
  const { authenticator } = await person.addPasskey();
  const { secondFactor, passkeyOptions } = await (await other.factors()).createSecondFactor({ factor: Factor.PASSKEY });
  const made = other.authenticator().create(passkeyOptions, authenticator.made[0]!.id);
  await assert.rejects((await other.factors()).confirmSecondFactor({ secondFactorId: secondFactor!.secondFactorId, proof: passkey(made) }), refusedWith('sys-accounts.PASSKEY_TAKEN'));
  assert.ok((await other.logIn()).accessToken);
});

everyTopology('a passkey is of one account, and is made for the challenge that was given', async (deployment) => {
  const [person, other] = [await Person.in(deployment), await Person.in(deployment)];
  const authenticator = person.authenticator();
  const begin = async (who: Person) => (await who.factors()).createSecondFactor({ factor: Factor.PASSKEY });
  const first = await begin(person);
  const made = authenticator.create(first.passkeyOptions);
  const second = await begin(other);
  await assert.rejects((await other.factors()).confirmSecondFactor({ secondFactorId: second.secondFactor!.secondFactorId, proof: passkey(made) }), isWrong);
  await (await person.factors()).confirmSecondFactor({ secondFactorId: first.secondFactor!.secondFactorId, proof: passkey(made) });
  const options = (await begin(person)).passkeyOptions;
  assert.equal((JSON.parse(options) as { excludeCredentials: object[] }).excludeCredentials.length, 1);
});
