import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { everyTopology, until } from '@mainstay/testing';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import * as oauth from 'oauth4webapi';
import { Browser } from '../../testing/browser.ts';
import { ada, authorize, discover, insecure, newClient, redeem } from '../../testing/oauth-client.ts';
import { password, Person } from '../../testing/people.ts';

everyTopology('who logs out for a client is logged out here, and the client gets the browser back', async (deployment) => {
  const provider = await discover(deployment);
  const made = await newClient(deployment, { postLogoutRedirectUris: ['https://client.test/bye'] });
  const authorized = await authorize(deployment, provider, made);
  const tokens = await oauth.processAuthorizationCodeResponse(provider, made.client, await redeem(provider, made, authorized), { expectedNonce: 'n-1' });
  const again = await authorize(deployment, provider, made, {}, authorized.browser);
  assert.match(again.page.url, /code=/, 'who is logged in is not asked again');
  const logout = (target: string) => `${provider.end_session_endpoint}?${new URLSearchParams({ id_token_hint: tokens.id_token!, post_logout_redirect_uri: target, state: 's' })}`;
  assert.match((await authorized.browser.open(logout('https://evil.test/'))).text, /post_logout_redirect_uri not registered/);
  const question = await authorized.browser.open(logout('https://client.test/bye'));
  assert.match(question.headers.get('content-security-policy')!, /form-action 'self' https:\/\/client\.test;/);
  const page = await authorized.browser.submit(question, { logout: 'yes' });
  assert.equal(page.url, 'https://client.test/bye?state=s');
  const { page: after } = await authorize(deployment, provider, made, { prompt: 'none' }, authorized.browser);
  assert.match(after.url, /error=login_required/);
});

everyTopology('a client is told when a login is over, wherever it ends', async (deployment) => {
  const told: { path: string; token: string }[] = [];
  const server = createServer((request, response) => void text(request).then((body) => {
    told.push({ path: request.url!, token: new URLSearchParams(body).get('logout_token')! });
    // Once it does not take it.
    response.writeHead(told.length === 1 ? 500 : 200).end();
  }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const provider = await discover(deployment);
    const made = await newClient(deployment, { backchannelLogoutUri: `http://127.0.0.1:${(server.address() as AddressInfo).port}/over` });
    const login = async () => {
      const authorized = await authorize(deployment, provider, made, { scope: 'openid api' });
      const tokens = await oauth.processAuthorizationCodeResponse(provider, made.client, await redeem(provider, made, authorized), { expectedNonce: 'n-1' });
      return { ...authorized, tokens, sid: String(oauth.getValidatedIdTokenClaims(tokens)!.sid) };
    };
    const keys = createRemoteJWKSet(new URL(provider.jwks_uri!));
    const isTold = async (sid: string) => {
      const { token } = await until(() => told.findLast(({ token }) => decodeJwt(token).sid === sid && told.length > 1), 'the client is told');
      const { payload } = await jwtVerify(token, keys, { issuer: deployment.address, audience: made.client.client_id, typ: 'logout+jwt' });
      assert.deepEqual([Object.keys(payload.events as object), payload.nonce], [['http://schemas.openid.net/event/backchannel-logout'], undefined]);
    };
    const first = await login();
    await first.browser.submit(await first.browser.open(`${provider.end_session_endpoint}?id_token_hint=${first.tokens.id_token!}`), { logout: 'yes' });
    await isTold(first.sid);
    const second = await login();
    const { sid } = decodeJwt(second.tokens.access_token);
    await deployment.fetch(`/v1/sessions/${String(sid)}`, { method: 'DELETE', as: ada });
    await isTold(second.sid);
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

everyTopology('the keys change, and what was signed before is still verified', async (deployment) => {
  const provider = await discover(deployment);
  const made = await newClient(deployment);
  const login = async () => oauth.processAuthorizationCodeResponse(provider, made.client, await redeem(provider, made, await authorize(deployment, provider, made, { scope: 'openid api' })), { expectedNonce: 'n-1' });
  const { id_token: before } = await login();
  await deployment.sqlOf('sys-accounts', 'update sys_accounts.sys_accounts_id_token_keys set retired_at = now() where retired_at is null');
  const published = async () => ((await (await deployment.fetch('/oauth2/jwks')).json()) as { keys: { kid: string; kty: string; d?: string }[] }).keys;
  const { kid } = decodeProtectedHeader(before!);
  await until(async () => (await published()).filter(({ kty }) => kty === 'RSA').length > 1, 'another key is there');
  // All processes know it.
  await deployment.sqlOf('sys-accounts', "update sys_accounts.sys_accounts_id_token_keys set created_at = now() - interval '1 hour' where retired_at is null");
  assert.ok((await published()).some((key) => key.kid === kid), 'the old one is there');
  assert.ok((await published()).every(({ d }) => d === undefined));
  const after = await until(async () => {
    const { id_token: token } = await login();
    return decodeProtectedHeader(token!).kid !== kid && token;
  }, 'the new key signs');
  const keys = createRemoteJWKSet(new URL(provider.jwks_uri!));
  for (const token of [before, after]) await jwtVerify(token!, keys, { issuer: deployment.address, audience: made.client.client_id });
});

everyTopology('who closes their account leaves nothing at the provider, and no token that works', async (deployment) => {
  const provider = await discover(deployment);
  const made = await newClient(deployment);
  const person = await Person.in(deployment);
  const browser = new Browser(deployment.address);
  const opened = await authorize(deployment, provider, made, { scope: 'openid offline_access api', prompt: 'consent' }, browser, false);
  const page = await browser.submit(await browser.submit(opened.page, { email: person.email, password }), { allow: 'yes' });
  const tokens = await oauth.processAuthorizationCodeResponse(provider, made.client, await redeem(provider, made, { ...opened, page }), { expectedNonce: 'n-1' });
  assert.equal((await deployment.fetch('/v1/promises', { as: tokens.access_token })).status, 200);
  await (await person.accounts()).closeAccount({ accountId: 'me', password });
  assert.equal((await deployment.fetch('/v1/promises', { as: tokens.access_token })).status, 401);
  assert.equal((await oauth.refreshTokenGrantRequest(provider, made.client, made.auth, tokens.refresh_token!, insecure)).status, 400);
  assert.deepEqual(await deployment.sqlOf('sys-accounts', 'select kind from sys_accounts.sys_accounts_oauth_artifacts where account_id = $1', [person.accountId]), []);
});
