import assert from 'node:assert/strict';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import * as client from 'openid-client';
import { ClientGrant, Role } from '../../contract/index.ts';
import { Browser } from '../../testing/browser.ts';
import { ada, newClient, password, redirectUri, type Made } from '../../testing/oauth-client.ts';

/** The provider as `openid-client` finds it; tests speak HTTP without TLS. */
const found = ({ address }: TestDeployment, { client: { client_id }, secret }: Pick<Made, 'client' | 'secret'>) =>
  client.discovery(new URL(address), client_id, undefined, secret === '' ? client.None() : client.ClientSecretBasic(secret), { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks] });

async function logIn(deployment: TestDeployment, configuration: client.Configuration, scope: string) {
  const [pkceCodeVerifier, expectedState, expectedNonce] = [client.randomPKCECodeVerifier(), client.randomState(), client.randomNonce()];
  const url = client.buildAuthorizationUrl(configuration, { redirect_uri: redirectUri, scope, state: expectedState, nonce: expectedNonce, prompt: 'consent', code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: 'S256' });
  const browser = new Browser(deployment.address);
  const page = await browser.submit(await browser.submit(await browser.open(url.href), { email: ada, password }), { allow: 'yes' });
  return { back: new URL(page.url), checks: { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true } };
}

everyTopology('openid-client logs a person in, verifies what it is told, refreshes, asks and revokes', async (deployment) => {
  const configuration = await found(deployment, await newClient(deployment));
  const { back, checks } = await logIn(deployment, configuration, 'openid email offline_access api');
  await assert.rejects(client.authorizationCodeGrant(configuration, back, { ...checks, expectedState: 'another' }));
  const tokens = await client.authorizationCodeGrant(configuration, back, checks);
  const { sub, email } = tokens.claims()!;
  assert.equal(email, ada);
  assert.equal((await deployment.fetch('/v1/accounts/me', { as: tokens.access_token })).status, 200);
  await assert.rejects(client.authorizationCodeGrant(configuration, back, checks), { error: 'invalid_grant' });
  const again = await logIn(deployment, configuration, 'openid email offline_access');
  const other = await client.authorizationCodeGrant(configuration, again.back, again.checks);
  assert.equal((await client.fetchUserInfo(configuration, other.access_token, sub)).email, ada);
  const refreshed = await client.refreshTokenGrant(configuration, other.refresh_token!);
  assert.equal((await client.tokenIntrospection(configuration, refreshed.refresh_token!)).active, true);
  await client.tokenRevocation(configuration, refreshed.refresh_token!);
  await assert.rejects(client.refreshTokenGrant(configuration, refreshed.refresh_token!), { error: 'invalid_grant' });
});

everyTopology('openid-client connects a device, and acts for itself', async (deployment) => {
  const device = await found(deployment, { client: { client_id: 'mainstay-cli' }, secret: '' });
  const shown = await client.initiateDeviceAuthorization(device, { scope: 'openid api' });
  const polled = client.pollDeviceAuthorizationGrant(device, { ...shown, interval: 1 });
  const browser = new Browser(deployment.address);
  let page = await browser.submit(await browser.open(shown.verification_uri), { user_code: shown.user_code });
  page = await browser.submit(await browser.submit(page, { confirm: 'yes' }), { email: ada, password });
  if (page.text.includes('name="allow"')) await browser.submit(page, { allow: 'yes' });
  assert.equal((await deployment.fetch('/v1/accounts/me', { as: (await polled).access_token })).status, 200);
  const program = await found(deployment, await newClient(deployment, { grants: [ClientGrant.CLIENT_CREDENTIALS], redirectUris: [], serviceRole: Role.USER }));
  const { access_token: own } = await client.clientCredentialsGrant(program, { scope: 'api' });
  assert.equal((await deployment.fetch('/v1/promises', { as: own })).status, 200);
});
