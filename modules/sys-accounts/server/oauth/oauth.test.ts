import assert from 'node:assert/strict';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import * as oauth from 'oauth4webapi';
import { ClientAuthentication, ClientGrant, OAuthClientsService, Role } from '../../contract/index.ts';
import { Browser, type Shown } from '../../testing/browser.ts';

const [ada, olga] = ['ada@acme.test', 'olga@acme.test'];
const password = 'mainstay-demo';
const redirectUri = 'https://client.test/callback';
const insecure = { [oauth.allowInsecureRequests]: true };

type Provider = oauth.AuthorizationServer;
const discover = async ({ address }: TestDeployment): Promise<Provider> => oauth.processDiscoveryResponse(new URL(address), await oauth.discoveryRequest(new URL(address), insecure));

/** A client of Acme's, as its administrator makes it. */
async function newClient(deployment: TestDeployment, changes: Record<string, unknown> = {}) {
  const clients = await deployment.client(OAuthClientsService, olga);
  const { oauthClient, clientSecret } = await clients.createOAuthClient({ oauthClient: { name: 'Invoices & more', grants: [ClientGrant.AUTHORIZATION_CODE], redirectUris: [redirectUri], ...changes } });
  return { client: { client_id: oauthClient!.oauthClientId } satisfies oauth.Client, auth: clientSecret === '' ? oauth.None() : oauth.ClientSecretBasic(clientSecret), secret: clientSecret };
}
type Made = Awaited<ReturnType<typeof newClient>>;

/** Goes through login and consent as a person does; gives where the browser is sent to in the end. */
async function authorize(deployment: TestDeployment, provider: Provider, { client }: Pick<Made, 'client'>, params: Record<string, string> = {}, browser = new Browser(deployment.address)) {
  const verifier = oauth.generateRandomCodeVerifier();
  const url = new URL(provider.authorization_endpoint!);
  const query = { client_id: client.client_id, response_type: 'code', redirect_uri: redirectUri, scope: 'openid email', state: 'xyz', nonce: 'n-1', code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...params };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  let page = await browser.open(url.href);
  if (page.text.includes('name="password"')) page = await browser.submit(page, { email: ada, password });
  if (page.text.includes('name="allow"')) page = await browser.submit(page, { allow: 'yes' });
  return { page, verifier, browser };
}

async function redeem(provider: Provider, { client, auth }: Made, { page, verifier }: { page: Shown; verifier: string }) {
  const params = oauth.validateAuthResponse(provider, client, new URL(page.url), 'xyz');
  return oauth.authorizationCodeGrantRequest(provider, client, auth, params, redirectUri, verifier, insecure);
}

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
