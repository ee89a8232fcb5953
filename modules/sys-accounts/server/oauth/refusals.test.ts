import assert from 'node:assert/strict';
import { everyTopology } from '@mainstay/testing';
import * as oauth from 'oauth4webapi';
import { Browser } from '../../testing/browser.ts';
import { ada, authorize, discover, insecure, newClient, password, redeem, redirectUri } from '../../testing/oauth-client.ts';

everyTopology('nobody is sent elsewhere, and nothing is given without what proves the request', async (deployment) => {
  const provider = await discover(deployment);
  const [made, other] = [await newClient(deployment), await newClient(deployment)];
  const { page } = await authorize(deployment, provider, made, { redirect_uri: 'https://evil.test/callback' });
  assert.deepEqual([page.status, page.url.startsWith(deployment.address)], [400, true]);
  assert.match((await authorize(deployment, provider, made, { code_challenge: '' })).page.url, /^https:\/\/client\.test\/callback\?error=invalid_request/);
  assert.match((await authorize(deployment, provider, made, { code_challenge_method: 'plain' })).page.url, /error=invalid_request/);
  const authorized = await authorize(deployment, provider, made);
  assert.equal(new URL(authorized.page.url).searchParams.get('iss'), deployment.address, 'the client can tell who answers (RFC 9207)');
  const params = () => oauth.validateAuthResponse(provider, made.client, new URL(authorized.page.url), 'xyz');
  const refusedWith = async (response: Response) => ((await response.json()) as { error: string }).error;
  assert.equal(await refusedWith(await oauth.authorizationCodeGrantRequest(provider, made.client, made.auth, params(), redirectUri, oauth.generateRandomCodeVerifier(), insecure)), 'invalid_grant');
  const code = new URL(authorized.page.url).searchParams.get('code')!;
  const stolen = new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: authorized.verifier });
  const basic = (clientId: string, secret: string) => ({ authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`, 'content-type': 'application/x-www-form-urlencoded' });
  assert.equal(await refusedWith(await deployment.fetch('/oauth2/token', { body: stolen.toString(), headers: basic(other.client.client_id, other.secret) })), 'invalid_grant');
  assert.equal(await refusedWith(await deployment.fetch('/oauth2/token', { body: stolen.toString(), headers: basic(made.client.client_id, `${made.secret.slice(0, -1)}x`) })), 'invalid_client');
  assert.equal((await redeem(provider, made, authorized)).status, 200, 'the right one still works');
});

everyTopology('forms of other sites log nobody in, and a login belongs to the browser that began it', async (deployment) => {
  const provider = await discover(deployment);
  const made = await newClient(deployment);
  const query = new URLSearchParams({ client_id: made.client.client_id, response_type: 'code', redirect_uri: redirectUri, scope: 'openid', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' });
  const [victim, attacker] = [new Browser(deployment.address), new Browser(deployment.address)];
  const page = await attacker.open(`${provider.authorization_endpoint}?${query}`);
  const form = { method: 'POST', body: new URLSearchParams({ email: ada, password }).toString(), headers: { 'content-type': 'application/x-www-form-urlencoded' } };
  assert.equal((await victim.open(page.url, form)).status, 400, 'another browser');
  const own = await victim.open(`${provider.authorization_endpoint}?${query}`);
  assert.equal((await victim.open(own.url, { ...form, headers: { ...form.headers, 'sec-fetch-site': 'cross-site' } })).status, 400, 'another site');
  const before = victim.cookies.get('mainstay_login')?.value;
  await victim.submit(own, { email: ada, password });
  assert.notEqual(victim.cookies.get('mainstay_login')?.value, before, 'who logs in gets another session than was there before');
  assert.ok(own.headers.get('content-security-policy')?.includes("frame-ancestors 'none'"));
});
