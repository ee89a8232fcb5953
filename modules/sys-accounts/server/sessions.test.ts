import assert from 'node:assert/strict';
import { ConnectError } from '@connectrpc/connect';
import { reasonOf } from '@mainstay/kernel';
import { RetryInfoSchema } from '@mainstay/kernel/contract/google/rpc/error_details_pb.js';
import { everyTopology, type TestDeployment, until } from '@mainstay/testing';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { AccountsService, OrgsService, SessionsService } from '../contract/index.ts';
import { hashPassword } from './passwords.ts';

const password = 'correct horse battery';

const refusedWith = (reason: string) => (error: unknown) => {
  assert.equal(reasonOf(error), reason, String(error));
  return true;
};

/** Registers somebody new, and gives the address. */
async function newPerson(deployment: TestDeployment): Promise<string> {
  const email = `${crypto.randomUUID()}@example.org`;
  await (await deployment.client(AccountsService)).registerAccount({ email, password, displayName: 'Somebody' });
  return email;
}

async function logIn(deployment: TestDeployment, email: string) {
  return (await deployment.client(SessionsService)).createSession({ email, password });
}

/** Asserts that a token stops working, here at once and elsewhere within the two seconds that a standing may be old. */
async function stopsWorking(deployment: TestDeployment, token: string, reason: string): Promise<void> {
  const accounts = await deployment.client(AccountsService, token);
  const ended = performance.now();
  await until(async () => {
    const asked = performance.now();
    const error = await accounts.getAccount({ accountId: 'me' }).then(() => undefined, (error: unknown) => error);
    // However long the answer takes: when it was asked for counts.
    assert.ok(error !== undefined || asked < ended + 2000, 'it still works after two seconds');
    return error !== undefined && refusedWith(reason)(error);
  });
}

everyTopology('a login gives an access token, a refresh token and when it expires', async (deployment) => {
  const response = await deployment.fetch('/v1/sessions', { body: { email: 'Ada@Acme.Test', password: 'mainstay-demo' } });
  const session = (await response.json()) as { accessToken: string; refreshToken: string; expiresAt: string; account: { email: string; roles: object[] } };
  assert.equal(response.status, 200, JSON.stringify(session));
  const lives = Date.parse(session.expiresAt) - Date.now();
  assert.ok(lives > 590_000 && lives <= 600_000, `${lives} ms`);
  assert.equal(session.account.email, 'ada@acme.test');
  const me = await deployment.fetch('/v1/accounts/me', { as: session.accessToken });
  assert.equal(((await me.json()) as { displayName: string }).displayName, 'Ada');
});

everyTopology('an access token is an ES256 JWT for a list of audiences', async (deployment) => {
  const { accessToken, sessionId, account } = await logIn(deployment, await newPerson(deployment));
  const { alg, typ, kid } = decodeProtectedHeader(accessToken);
  assert.equal(`${alg} ${typ}`, 'ES256 at+jwt');
  assert.ok(kid);
  const claims = decodeJwt(accessToken);
  assert.ok(Array.isArray(claims.aud) && claims.jti && claims.iss);
  assert.equal(claims.sub, account!.accountId);
  assert.equal(claims.sid, sessionId);
  assert.equal(claims.exp! - claims.iat!, 600);
});

everyTopology('a wrong password and an unknown address get the same answer', async (deployment) => {
  const email = await newPerson(deployment);
  const answer = async (body: object) => {
    const response = await deployment.fetch('/v1/sessions', { body });
    const problem = (await response.json()) as Record<string, unknown>;
    assert.equal(response.status, 401);
    assert.equal(problem.reason, 'sys-accounts.WRONG_CREDENTIALS');
    // What differs from call to call says nothing about the account.
    delete problem.traceId;
    return problem;
  };
  const wrong = await answer({ email, password: 'not the password' });
  const unknown = await answer({ email: `${crypto.randomUUID()}@example.org`, password });
  assert.deepEqual(unknown, wrong);
});

everyTopology('exactly one of eight uses of a refresh token at once succeeds', async (deployment) => {
  const { refreshToken } = await logIn(deployment, await newPerson(deployment));
  const clients = await Promise.all(Array.from({ length: 8 }, () => deployment.client(SessionsService)));
  // Connections that are open already, so that the eight arrive together.
  await Promise.allSettled(clients.map((sessions) => sessions.refreshSession({ refreshToken: 'x'.repeat(43) })));
  const results = await Promise.allSettled(clients.map((sessions) => sessions.refreshSession({ refreshToken })));
  const refused = results.filter((result) => result.status === 'rejected');
  assert.equal(refused.length, 7);
  for (const { reason } of refused) assert.ok(refusedWith('sys-accounts.REFRESH_TOKEN_TAKEN')(reason));
  const winner = results.find((result) => result.status === 'fulfilled')!.value;
  await (await deployment.client(AccountsService, winner.accessToken)).getAccount({ accountId: 'me' });
  await clients[0]!.refreshSession({ refreshToken: winner.refreshToken });
});

everyTopology('a password that was hashed with another effort is good for logins at once, and hashed anew', async (deployment) => {
  const email = await newPerson(deployment);
  const old = await hashPassword({ passwordMemoryMib: 2 }, password);
  await deployment.sqlOf('sys-accounts', 'update sys_accounts.sys_accounts_accounts set password_hash = $1 where email = $2', [old, email]);
  await Promise.all(Array.from({ length: 3 }, () => logIn(deployment, email)));
  const [{ hash }] = await deployment.sqlOf<{ hash: string }>('sys-accounts', 'select password_hash as hash from sys_accounts.sys_accounts_accounts where email = $1', [email]) as [{ hash: string }];
  assert.ok(hash !== old && hash.startsWith('$argon2id$'));
  await logIn(deployment, email);
});

everyTopology('a refreshed session goes on with new tokens', async (deployment) => {
  const sessions = await deployment.client(SessionsService);
  const first = await logIn(deployment, await newPerson(deployment));
  const second = await sessions.refreshSession({ refreshToken: first.refreshToken });
  const third = await sessions.refreshSession({ refreshToken: second.refreshToken });
  assert.equal(third.sessionId, first.sessionId);
  assert.equal(new Set([first, second, third].map(({ refreshToken }) => refreshToken)).size, 3);
  await (await deployment.client(AccountsService, third.accessToken)).getAccount({ accountId: 'me' });
});

everyTopology('a refresh token that is used again ends its session', async (deployment) => {
  const sessions = await deployment.client(SessionsService);
  const first = await logIn(deployment, await newPerson(deployment));
  const second = await sessions.refreshSession({ refreshToken: first.refreshToken });
  await deployment.sqlOf('sys-accounts', `update sys_accounts.sys_accounts_refresh_tokens set consumed_at = consumed_at - interval '11 seconds' where session_id = $1`, [first.sessionId]);
  await assert.rejects(sessions.refreshSession({ refreshToken: first.refreshToken }), refusedWith('sys-accounts.REFRESH_TOKEN_REUSED'));
  await assert.rejects(sessions.refreshSession({ refreshToken: second.refreshToken }), refusedWith('sys-accounts.REFRESH_TOKEN_INVALID'));
  await stopsWorking(deployment, second.accessToken, 'sys-core.SESSION_ENDED');
});

everyTopology('an unknown refresh token is refused', async (deployment) => {
  await assert.rejects((await deployment.client(SessionsService)).refreshSession({ refreshToken: 'x'.repeat(43) }), refusedWith('sys-accounts.REFRESH_TOKEN_INVALID'));
});

everyTopology('after logging out nothing of the session works, and other sessions go on', async (deployment) => {
  const email = await newPerson(deployment);
  const [gone, stays] = [await logIn(deployment, email), await logIn(deployment, email)];
  const response = await deployment.fetch('/v1/sessions/current', { method: 'DELETE', as: gone.accessToken });
  assert.equal(response.status, 200);
  const after = await deployment.fetch('/v1/accounts/me', { as: gone.accessToken });
  assert.equal(after.status, 401);
  await assert.rejects((await deployment.client(SessionsService)).refreshSession({ refreshToken: gone.refreshToken }), refusedWith('sys-accounts.REFRESH_TOKEN_INVALID'));
  const { sessions } = await (await deployment.client(SessionsService, stays.accessToken)).listSessions({});
  assert.deepEqual(sessions.map(({ sessionId, current }) => [sessionId, current]), [[stays.sessionId, true]]);
});

everyTopology("another person's session is not found", async (deployment) => {
  const [mine, theirs] = [await logIn(deployment, await newPerson(deployment)), await logIn(deployment, await newPerson(deployment))];
  const sessions = await deployment.client(SessionsService, mine.accessToken);
  await assert.rejects(sessions.deleteSession({ sessionId: theirs.sessionId }), refusedWith('sys-accounts.SESSION_NOT_FOUND'));
  await (await deployment.client(AccountsService, theirs.accessToken)).getAccount({ accountId: 'me' });
});

everyTopology('sessions are listed in pages, newest first', async (deployment) => {
  const email = await newPerson(deployment);
  const made = [];
  for (let at = 0; at < 3; at++) made.unshift(await logIn(deployment, email));
  const client = await deployment.client(SessionsService, made[0]!.accessToken);
  const first = await client.listSessions({ pageSize: 2 });
  const second = await client.listSessions({ pageSize: 2, pageToken: first.nextPageToken });
  assert.deepEqual([...first.sessions, ...second.sessions].map(({ sessionId }) => sessionId), made.map(({ sessionId }) => sessionId));
  assert.equal(second.nextPageToken, '');
});

everyTopology('more than five failed logins ban the address, also after a restart, and nobody else', async (deployment) => {
  const [email, other] = [await newPerson(deployment), await newPerson(deployment)];
  const attempt = (password: string) => deployment.client(SessionsService).then((sessions) => sessions.createSession({ email, password }));
  for (let failure = 1; failure <= 5; failure++) await assert.rejects(attempt('not the password'), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
  await assert.rejects(attempt('not the password'), refusedWith('sys-accounts.TOO_MANY_ATTEMPTS'));
  await assert.rejects(attempt(password), refusedWith('sys-accounts.TOO_MANY_ATTEMPTS'));
  await deployment.restart();
  await assert.rejects(attempt(password), refusedWith('sys-accounts.TOO_MANY_ATTEMPTS'));
  const response = await deployment.fetch('/v1/sessions', { body: { email, password } });
  assert.equal(response.status, 429);
  await logIn(deployment, other);
});

everyTopology('many guesses at once are not more than one after the other', async (deployment) => {
  const email = await newPerson(deployment);
  const guesses = await Promise.allSettled(Array.from({ length: 20 }, () => deployment.client(SessionsService).then((sessions) => sessions.createSession({ email, password: 'not the password' }))));
  const checked = guesses.filter((guess) => guess.status === 'rejected' && reasonOf(guess.reason) === 'sys-accounts.WRONG_CREDENTIALS');
  assert.ok(checked.length <= 5, `${checked.length} were told that the password is wrong`);
});

everyTopology('guesses at many addresses from one place ban the place', async (deployment) => {
  const sessions = await deployment.client(SessionsService);
  const guess = () => sessions.createSession({ email: `${crypto.randomUUID()}@example.org`, password: 'a guess' });
  for (let failure = 1; failure <= 3; failure++) await assert.rejects(guess(), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
  await assert.rejects(guess(), refusedWith('sys-accounts.TOO_MANY_ATTEMPTS'));
  await assert.rejects(sessions.createSession({ email: 'ada@acme.test', password: 'mainstay-demo' }), (error) => {
    const [retry] = ConnectError.from(error).findDetails(RetryInfoSchema);
    assert.ok(retry!.retryDelay!.seconds > 3500n && retry!.retryDelay!.seconds <= 3600n);
    return refusedWith('sys-accounts.TOO_MANY_ATTEMPTS')(error);
  });
}, { modules: { 'sys-core': null, 'sys-accounts': { failedLoginsPerAddress: 3 }, 'sys-email': null } });

everyTopology('many right passwords at once are all right', async (deployment) => {
  const email = await newPerson(deployment);
  const logins = await Promise.all(Array.from({ length: 20 }, () => logIn(deployment, email)));
  assert.equal(new Set(logins.map(({ sessionId }) => sessionId)).size, 20);
});

everyTopology('text that no database holds is refused, not an internal error', async (deployment) => {
  for (const body of [{ email: 'a\0b', password }, { email: 'a@example.org', password: 'a\0b' }]) {
    const response = await deployment.fetch('/v1/sessions', { body });
    assert.ok(response.status === 400 || response.status === 401, `${response.status} ${await response.text()}`);
  }
});

everyTopology('a login that succeeds forgets the failures before it', async (deployment) => {
  const email = await newPerson(deployment);
  const sessions = await deployment.client(SessionsService);
  for (let round = 1; round <= 2; round++) {
    for (let failure = 1; failure <= 5; failure++) await assert.rejects(sessions.createSession({ email, password: 'not the password' }), refusedWith('sys-accounts.WRONG_CREDENTIALS'));
    await logIn(deployment, email);
  }
});

everyTopology('a login acts in the named org, the org joined first, or the personal org', async (deployment) => {
  const sessions = await deployment.client(SessionsService);
  const alone = await logIn(deployment, await newPerson(deployment));
  assert.equal(alone.orgId, alone.account!.personalOrgId);
  const ada = await sessions.createSession({ email: 'ada@acme.test', password: 'mainstay-demo' });
  const acme = await (await deployment.client(OrgsService, ada.accessToken)).getOrg({ orgId: ada.orgId });
  assert.equal(acme.name, 'Acme');
  const own = await sessions.createSession({ email: 'ada@acme.test', password: 'mainstay-demo', org: ada.account!.personalOrgId });
  assert.equal(own.orgId, ada.account!.personalOrgId);
  await assert.rejects(sessions.createSession({ email: 'ada@acme.test', password: 'mainstay-demo', org: alone.orgId }), refusedWith('sys-accounts.ORG_NOT_FOUND'));
});

everyTopology('a header chooses another org of which one is a member, and no other', async (deployment) => {
  const sessions = await deployment.client(SessionsService);
  const ada = await sessions.createSession({ email: 'ada@acme.test', password: 'mainstay-demo' });
  const eve = await sessions.createSession({ email: 'eve@umbrella.test', password: 'mainstay-demo' });
  const projects = (org: string, header: string) => deployment.fetch(`/v1/orgs/${org}/projects`, { as: ada.accessToken, headers: { 'mainstay-org': header } });
  assert.equal((await projects(ada.account!.personalOrgId, ada.account!.personalOrgId)).status, 200);
  const stranger = await projects(eve.orgId, eve.orgId);
  assert.equal(stranger.status, 404);
  assert.equal(((await stranger.json()) as { reason: string }).reason, 'sys-core.ORG_NOT_FOUND');
});
