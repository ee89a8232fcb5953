import assert from 'node:assert/strict';
import { everyTopology } from '@mainstay/testing';
import { decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import { ClientAuthentication, ClientGrant, OAuthClientsService, Role } from '../../contract/index.ts';
import { Browser } from '../../testing/browser.ts';
import { ada, authorize, discover, insecure, newClient, olga, password, redeem, redirectUri, type Made } from '../../testing/oauth-client.ts';

everyTopology('a person logs in for a client, which learns who they are and calls for them', async (deployment) => {
  const provider = await discover(deployment);
  const made = await newClient(deployment);
  const tokens = await oauth.processAuthorizationCodeResponse(provider, made.client, await redeem(provider, made, await authorize(deployment, provider, made, { scope: 'openid email api' })), { expectedNonce: 'n-1', requireIdToken: true });
  assert.equal(oauth.getValidatedIdTokenClaims(tokens)!.email, ada);
  const me = await deployment.fetch('/v1/accounts/me', { as: tokens.access_token });
  assert.equal(((await me.json()) as { email: string }).email, ada);
  assert.equal((await deployment.fetch('/v1/promises', { as: tokens.access_token, body: { title: 'by a client' } })).status, 200);
});

everyTopology('a client does for a person no more than it was granted', async (deployment) => {
  const provider = await discover(deployment);
  const made = await newClient(deployment);
  const grant = async (scope: string) => oauth.processAuthorizationCodeResponse(provider, made.client, await redeem(provider, made, await authorize(deployment, provider, made, { scope })), { expectedNonce: 'n-1' });
  const { access_token: reader } = await grant('openid api:read');
  assert.equal((await deployment.fetch('/v1/promises', { as: reader })).status, 200);
  const refused = await deployment.fetch('/v1/promises', { as: reader, body: { title: 'no' } });
  assert.deepEqual([refused.status, ((await refused.json()) as { reason: string }).reason], [403, 'kernel.PERMISSION_DENIED']);
  const { access_token: profile } = await grant('openid email');
  assert.equal((await deployment.fetch('/v1/accounts/me', { as: profile })).status, 401);
  const info = await oauth.processUserInfoResponse(provider, made.client, oauth.skipSubjectCheck, await oauth.userInfoRequest(provider, made.client, profile, insecure));
  assert.equal(info.email, ada);
});

everyTopology('of eight uses of a code at once exactly one succeeds, and of a refresh token too', async (deployment) => {
  const provider = await discover(deployment);
  const made = await newClient(deployment);
  const authorized = await authorize(deployment, provider, made, { scope: 'openid offline_access api', prompt: 'consent' });
  const answers = await Promise.all(Array.from({ length: 8 }, () => redeem(provider, made, authorized)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400, 400, 400, 400, 400, 400, 400]);
  const { refresh_token: refreshToken } = await answers.find(({ status }) => status === 200)!.json() as { refresh_token: string };
  const refreshed = await Promise.all(Array.from({ length: 8 }, () => oauth.refreshTokenGrantRequest(provider, made.client, made.auth, refreshToken, insecure)));
  assert.deepEqual(refreshed.map(({ status }) => status).sort(), [200, 400, 400, 400, 400, 400, 400, 400]);
  const next = await refreshed.find(({ status }) => status === 200)!.json() as { refresh_token: string; access_token: string };
  assert.equal((await oauth.refreshTokenGrantRequest(provider, made.client, made.auth, next.refresh_token, insecure)).status, 200, 'tabs that refresh at once end nothing');
  assert.equal((await deployment.fetch('/v1/accounts/me', { as: next.access_token })).status, 200);
});

everyTopology('a client acts for itself with the role that it was given', async (deployment) => {
  const provider = await discover(deployment);
  const made = await newClient(deployment, { grants: [ClientGrant.CLIENT_CREDENTIALS], redirectUris: [], serviceRole: Role.USER });
  const tokens = await oauth.processClientCredentialsResponse(provider, made.client, await oauth.clientCredentialsGrantRequest(provider, made.client, made.auth, { scope: 'api' }, insecure));
  assert.equal((await deployment.fetch('/v1/promises', { as: tokens.access_token })).status, 200);
  assert.equal((await deployment.fetch('/v1/oauthClients', { as: tokens.access_token })).status, 403);
  const clients = await deployment.client(OAuthClientsService, olga);
  await clients.updateOAuthClient({ oauthClient: { oauthClientId: made.client.client_id, disabled: true }, updateMask: { paths: ['disabled'] } });
  assert.equal((await deployment.fetch('/v1/promises', { as: tokens.access_token })).status, 401);
  assert.equal((await oauth.clientCredentialsGrantRequest(provider, made.client, made.auth, { scope: 'api' }, insecure)).status, 401);
});

everyTopology('whoever ends the session of a client in their list ends its tokens', async (deployment) => {
  const provider = await discover(deployment);
  const made = await newClient(deployment);
  const tokens = await oauth.processAuthorizationCodeResponse(provider, made.client, await redeem(provider, made, await authorize(deployment, provider, made, { scope: 'openid offline_access api', prompt: 'consent' })), { expectedNonce: 'n-1' });
  const { sid } = JSON.parse(Buffer.from(tokens.access_token.split('.')[1]!, 'base64url').toString()) as { sid: string };
  assert.equal((await deployment.fetch(`/v1/sessions/${sid}`, { method: 'DELETE', as: ada })).status, 200);
  assert.equal((await deployment.fetch('/v1/accounts/me', { as: tokens.access_token })).status, 401);
  assert.equal((await oauth.refreshTokenGrantRequest(provider, made.client, made.auth, tokens.refresh_token!, insecure)).status, 400);
});

everyTopology('a public client is made without a secret, and one that is not right is refused with every field', async (deployment) => {
  const { secret } = await newClient(deployment, { authentication: ClientAuthentication.NONE });
  assert.equal(secret, '');
  const answer = await deployment.fetch('/v1/oauthClients', { as: olga, body: { name: 'x', grants: ['AUTHORIZATION_CODE', 'CLIENT_CREDENTIALS'], redirectUris: ['http://elsewhere.test/', 'https://a.test/#x', 'https://*.test/'] } });
  const { reason, errors } = await answer.json() as { reason: string; errors: { field: string }[] };
  assert.deepEqual([answer.status, reason, errors.map(({ field }) => field)], [400, 'sys-accounts.CLIENT_UNFIT', ['oauth_client.redirect_uris', 'oauth_client.redirect_uris', 'oauth_client.redirect_uris', 'oauth_client.service_role']]);
});

const cli = { client_id: 'mainstay-cli' } satisfies oauth.Client;

everyTopology('a person connects a device by the code that it shows', async (deployment) => {
  const provider = await discover(deployment);
  const device = await oauth.processDeviceAuthorizationResponse(provider, cli, await oauth.deviceAuthorizationRequest(provider, cli, oauth.None(), { scope: 'openid api' }, insecure));
  const poll = () => oauth.deviceCodeGrantRequest(provider, cli, oauth.None(), device.device_code, insecure);
  assert.equal(((await (await poll()).json()) as { error: string }).error, 'authorization_pending');
  const browser = new Browser(deployment.address);
  const wrong = await browser.submit(await browser.open(device.verification_uri), { user_code: 'BBBB-BBBB' });
  assert.match(wrong.text, /role="alert"/);
  let page = await browser.submit(wrong, { user_code: device.user_code });
  assert.match(page.text, new RegExp(device.user_code));
  page = await browser.submit(page, { confirm: 'yes' });
  page = await browser.submit(page, { email: ada, password });
  if (page.text.includes('name="allow"')) page = await browser.submit(page, { allow: 'yes' });
  assert.match(page.text, /The device is connected/);
  const answers = await Promise.all(Array.from({ length: 8 }, poll));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 400, 400, 400, 400, 400, 400, 400]);
  const { access_token: token } = await answers.find(({ status }) => status === 200)!.json() as { access_token: string };
  assert.equal((await deployment.fetch('/v1/accounts/me', { as: token })).status, 200);
});

everyTopology('a device that nobody wants is refused, and its page says so', async (deployment) => {
  const provider = await discover(deployment);
  const device = await oauth.processDeviceAuthorizationResponse(provider, cli, await oauth.deviceAuthorizationRequest(provider, cli, oauth.None(), {}, insecure));
  const browser = new Browser(deployment.address);
  const page = await browser.submit(await browser.open(device.verification_uri_complete!).then((shown) => browser.submit(shown, { user_code: device.user_code })), { abort: 'yes' });
  assert.match(page.text, /was not connected/);
  const answer = await oauth.deviceCodeGrantRequest(provider, cli, oauth.None(), device.device_code, insecure);
  assert.equal(((await answer.json()) as { error: string }).error, 'access_denied');
});

everyTopology('a client asks what its token is good for, and revokes it; another learns and ends nothing', async (deployment) => {
  const provider = await discover(deployment);
  const [made, other] = [await newClient(deployment), await newClient(deployment)];
  const tokens = await oauth.processAuthorizationCodeResponse(provider, made.client, await redeem(provider, made, await authorize(deployment, provider, made, { scope: 'openid offline_access api', prompt: 'consent' })), { expectedNonce: 'n-1' });
  const told = async ({ client, auth }: Made, token: string) => oauth.processIntrospectionResponse(provider, client, await oauth.introspectionRequest(provider, client, auth, token, insecure));
  const active = async (by: Made, token = tokens.refresh_token!) => (await told(by, token)).active;
  assert.deepEqual([await active(made), await active(other)], [true, false]);
  const { scope, sub, client_id: clientId, aud, token_type: type } = await told(made, tokens.access_token);
  assert.deepEqual({ scope, sub, clientId, aud, type }, { scope: 'api', sub: decodeJwt(tokens.access_token).sub, clientId: made.client.client_id, aud: decodeJwt(tokens.access_token).aud, type: 'Bearer' });
  assert.deepEqual([await active(other, tokens.access_token), await active(made, `${tokens.access_token.slice(0, -4)}AAAA`), await active(made, 'x.y.z')], [false, false, false]);
  await oauth.revocationRequest(provider, other.client, other.auth, tokens.refresh_token!, insecure);
  assert.equal(await active(made), true);
  await oauth.processRevocationResponse(await oauth.revocationRequest(provider, made.client, made.auth, tokens.refresh_token!, insecure));
  assert.deepEqual([await active(made), await active(made, tokens.access_token)], [false, false]);
  assert.equal((await deployment.fetch('/v1/accounts/me', { as: tokens.access_token })).status, 401, 'what was granted is over, and its access tokens with it');
});

everyTopology('what a client pushes before is what it asks for, once', async (deployment) => {
  const provider = await discover(deployment);
  const made = await newClient(deployment, { requiresPushedRequests: true });
  const refused = await authorize(deployment, provider, made);
  assert.match(refused.page.text + refused.page.url, /Pushed Authorization Request|invalid_request/);
  const verifier = oauth.generateRandomCodeVerifier();
  const pushed = await oauth.processPushedAuthorizationResponse(provider, made.client, await oauth.pushedAuthorizationRequest(provider, made.client, made.auth, { response_type: 'code', redirect_uri: redirectUri, scope: 'openid email', state: 'xyz', nonce: 'n-1', code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256' }, insecure));
  const browser = new Browser(deployment.address);
  const url = `${provider.authorization_endpoint}?${new URLSearchParams({ client_id: made.client.client_id, request_uri: pushed.request_uri })}`;
  let page = await browser.submit(await browser.open(url), { email: ada, password });
  page = await browser.submit(page, { allow: 'yes' });
  const tokens = await oauth.processAuthorizationCodeResponse(provider, made.client, await redeem(provider, made, { page, verifier }), { expectedNonce: 'n-1' });
  assert.equal(oauth.getValidatedIdTokenClaims(tokens)!.email, ada);
  assert.match((await new Browser(deployment.address).open(url)).url, /error=invalid_request_uri/);
});
