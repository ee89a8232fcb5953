import assert from 'node:assert/strict';
import { everyTopology, until } from '@mainstay/testing';
import { decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import { ClientGrant } from '../../contract/index.ts';
import { ada, authorize, discover, insecure, newClient, olga, redeem, redirectUri } from '../../testing/oauth-client.ts';

everyTopology('a token that is bound to a key is good with a proof of that key alone, for one request', async (deployment) => {
  const provider = await discover(deployment);
  const made = await newClient(deployment, { requiresDpop: true });
  const [own, stranger] = [await oauth.generateKeyPair('ES256'), await oauth.generateKeyPair('ES256')];
  const DPoP = oauth.DPoP(made.client, own);
  const { page, verifier } = await authorize(deployment, provider, made, { scope: 'openid api' });
  const params = oauth.validateAuthResponse(provider, made.client, new URL(page.url), 'xyz');
  const response = await oauth.authorizationCodeGrantRequest(provider, made.client, made.auth, params, redirectUri, verifier, { DPoP, ...insecure });
  const { access_token: token, token_type: type } = await oauth.processAuthorizationCodeResponse(provider, made.client, response, { expectedNonce: 'n-1' });
  assert.equal(type, 'dpop');
  const url = new URL(`${deployment.address}/v1/accounts/me`);
  let sent: Headers | undefined;
  const keeping = { ...insecure, [oauth.customFetch]: (to: string, options: RequestInit) => fetch(to, { ...options, headers: (sent = new Headers(options.headers)) }) };
  const me = await oauth.protectedResourceRequest(token, 'GET', url, undefined, undefined, { DPoP, ...keeping });
  assert.equal(((await me.json()) as { email: string }).email, ada);
  const reasonOf = async (answer: Response) => [answer.status, ((await answer.json()) as { reason: string }).reason];
  // Each process of the public port remembers the proofs that it has seen.
  const again = await until(async () => fetch(url, { headers: sent! }).then((answer) => answer.status === 401 && answer), 'the same proof is refused');
  assert.deepEqual(await reasonOf(again), [401, 'sys-core.PROOF_INVALID']);
  assert.deepEqual(await reasonOf(await fetch(url, { headers: { authorization: `Bearer ${token}` } })), [401, 'sys-core.TOKEN_BOUND']);
  assert.deepEqual(await reasonOf(await fetch(url, { headers: { authorization: `DPoP ${token}` } })), [401, 'sys-core.PROOF_INVALID']);
  const refused = async (method: string, to: string, using = DPoP) => {
    await oauth.protectedResourceRequest(token, method, new URL(to), undefined, undefined, { DPoP: using, ...insecure, [oauth.customFetch]: async (_: string, options: RequestInit) => {
      assert.deepEqual(await reasonOf(await fetch(url, { headers: new Headers(options.headers) })), [401, 'sys-core.PROOF_INVALID']);
      return new Response();
    } });
  };
  await refused('GET', url.href, oauth.DPoP(made.client, stranger));
  await refused('POST', url.href);
  await refused('GET', `${deployment.address}/v1/promises`);
  await refused('GET', 'https://elsewhere.test/v1/accounts/me');
  assert.deepEqual(await reasonOf(await deployment.fetch('/v1/accounts/me', { headers: { authorization: `DPoP ${await deployment.token(olga)}` } })), [401, 'sys-core.TOKEN_NOT_BOUND']);
});

everyTopology('a client exchanges a token of a person for one of its own, with less', async (deployment) => {
  const provider = await discover(deployment);
  const [app, service] = [await newClient(deployment), await newClient(deployment, { grants: [ClientGrant.TOKEN_EXCHANGE], redirectUris: [] })];
  const { access_token: first } = await oauth.processAuthorizationCodeResponse(provider, app.client, await redeem(provider, app, await authorize(deployment, provider, app, { scope: 'openid api' })), { expectedNonce: 'n-1' });
  const exchange = async (by: typeof app, changes: Record<string, string> = {}) => {
    const parameters = { subject_token: first, subject_token_type: 'urn:ietf:params:oauth:token-type:access_token', scope: 'api:read', ...changes };
    const answer = await oauth.genericTokenEndpointRequest(provider, by.client, by.auth, 'urn:ietf:params:oauth:grant-type:token-exchange', parameters, insecure);
    return { status: answer.status, ...((await answer.json()) as { access_token: string; error: string; scope: string }) };
  };
  const { access_token: second } = await exchange(service);
  const [before, after] = [decodeJwt(first), decodeJwt(second)];
  assert.deepEqual([after.sub, after.sid, after.client_id, after.scope, after.act], [before.sub, before.sid, service.client.client_id, 'api:read', { sub: service.client.client_id }]);
  assert.ok(after.exp! <= before.exp!);
  assert.equal((await deployment.fetch('/v1/promises', { as: second })).status, 200);
  assert.equal((await deployment.fetch('/v1/promises', { as: second, body: { title: 'no' } })).status, 403);
  assert.equal((await exchange(app)).error, 'invalid_request', 'a client that may not');
  assert.equal((await exchange(service, { subject_token: second, scope: 'api' })).error, 'invalid_scope', 'never more than before');
  assert.equal((await exchange(service, { subject_token: `${first.slice(0, -2)}xx` })).error, 'invalid_grant');
  assert.equal((await exchange(service, { resource: 'https://elsewhere.test' })).error, 'invalid_target');
  await deployment.fetch(`/v1/sessions/${String(before.sid)}`, { method: 'DELETE', as: ada });
  assert.equal((await exchange(service)).error, 'invalid_grant');
  assert.equal((await deployment.fetch('/v1/promises', { as: second })).status, 401);
});
