import type { TestDeployment } from '@mainstay/testing';
import * as oauth from 'oauth4webapi';
import { ClientGrant, OAuthClientsService } from '../contract/index.ts';
import { Browser, type Shown } from './browser.ts';

/** Two people of Acme, the second its administrator. */
export const [ada, olga] = ['ada@acme.test', 'olga@acme.test'] as const;
/** Theirs. */
export const password = 'mainstay-demo';
/** Where clients want the browser back. */
export const redirectUri = 'https://client.test/callback';
/** Tests speak HTTP without TLS. */
export const insecure = { [oauth.allowInsecureRequests]: true };

/** The provider's metadata. */
export type Provider = oauth.AuthorizationServer;
/** What the provider says of itself. */
export const discover = async ({ address }: TestDeployment): Promise<Provider> => oauth.processDiscoveryResponse(new URL(address), await oauth.discoveryRequest(new URL(address), insecure));

/** A client of Acme's, as its administrator makes it. */
export async function newClient(deployment: TestDeployment, changes: Record<string, unknown> = {}) {
  const clients = await deployment.client(OAuthClientsService, olga);
  const { oauthClient, clientSecret } = await clients.createOAuthClient({ oauthClient: { name: 'Invoices & more', grants: [ClientGrant.AUTHORIZATION_CODE], redirectUris: [redirectUri], ...changes } });
  const made: oauth.Client = { client_id: oauthClient!.oauthClientId };
  return { client: made, auth: clientSecret === '' ? oauth.None() : oauth.ClientSecretBasic(clientSecret), secret: clientSecret };
}
/** A client with what it proves itself by. */
export type Made = Awaited<ReturnType<typeof newClient>>;

/** Goes through login and consent as a person does; gives where the browser is sent to in the end; without `asAda` only the first page. */
export async function authorize(deployment: TestDeployment, provider: Provider, { client }: Pick<Made, 'client'>, params: Record<string, string> = {}, browser = new Browser(deployment.address), asAda = true) {
  const verifier = oauth.generateRandomCodeVerifier();
  const url = new URL(provider.authorization_endpoint!);
  const query = { client_id: client.client_id, response_type: 'code', redirect_uri: redirectUri, scope: 'openid email', state: 'xyz', nonce: 'n-1', code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...params };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  let page = await browser.open(url.href);
  if (!asAda) return { page, verifier, browser };
  if (page.text.includes('name="password"')) page = await browser.submit(page, { email: ada, password });
  if (page.text.includes('name="allow"')) page = await browser.submit(page, { allow: 'yes' });
  return { page, verifier, browser };
}

/** Redeems the code that a browser came back with. */
export async function redeem(provider: Provider, { client, auth }: Made, { page, verifier }: { page: Shown; verifier: string }) {
  const params = oauth.validateAuthResponse(provider, client, new URL(page.url), 'xyz');
  return oauth.authorizationCodeGrantRequest(provider, client, auth, params, redirectUri, verifier, insecure);
}
