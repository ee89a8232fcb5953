import assert from 'node:assert/strict';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { TestDeployment } from '@mainstay/testing';
import { decodeJwt } from 'jose';
import * as oauth from 'oauth4webapi';
import { IdentityProvidersService, type IdentityProvider, type IdentityProviderSchema } from '../../contract/index.ts';
import { Browser, type Shown } from '../browser.ts';
import { authorize, discover, newClient, redeem, type Made, type Provider } from '../oauth-client.ts';
import type { TestOrg } from '../test-org.ts';
import { clientId, clientSecret } from './oidc-provider.ts';

/** A provider of an org, which lets newcomers in unless that is changed. */
export async function connect(org: TestOrg, changes: MessageInitShape<typeof IdentityProviderSchema>): Promise<IdentityProvider> {
  return (await org.client(IdentityProvidersService)).createIdentityProvider({ identityProvider: { name: `Directory of ${org.domain}`, justInTime: true, ...changes } });
}

/** The settings of a provider that speaks OpenID Connect. */
export const oidc = (issuer: string, more: object = {}) => ({ settings: { case: 'oidc' as const, value: { issuer, clientId, clientSecret, scopes: ['openid', 'email', 'profile', 'groups'], ...more } } });

/** A browser at the login page of a client, and all that it takes to go on from there. */
export class FederatedLogin {
  readonly browser: Browser;
  readonly #provider: Provider;
  readonly #made: Made;
  readonly #verifier: string;
  page: Shown;

  private constructor(browser: Browser, provider: Provider, made: Made, { verifier, page }: { verifier: string; page: Shown }) {
    this.browser = browser;
    this.#provider = provider;
    this.#made = made;
    this.#verifier = verifier;
    this.page = page;
  }

  static async at(deployment: TestDeployment, params: Record<string, string> = {}, browser = new Browser(deployment.address), client: Record<string, unknown> = {}): Promise<FederatedLogin> {
    const [provider, made] = [await discover(deployment), await newClient(deployment, client)];
    return new FederatedLogin(browser, provider, made, await authorize(deployment, provider, made, { scope: 'openid email api', ...params }, browser, false));
  }

  /** Enters an address and asks for the organization, if the page does not offer it by itself; gives where the page leads to. */
  async leave(email: string): Promise<string> {
    await this.submit(this.page.text.includes('name="provider"') ? {} : { email, organization: 'yes' });
    return leadsTo(this.page);
  }

  /** Comes back from the provider. */
  async comeBack(address: string): Promise<Shown> {
    return (this.page = await this.browser.open(address));
  }

  async submit(fields: Record<string, string>): Promise<Shown> {
    return (this.page = await this.browser.submit(this.page, fields));
  }

  /** Agrees, and redeems the code: who is logged in, and how. */
  async end(): Promise<{ accountId: string; email: string; acr: string; amr: string[]; accessToken: string }> {
    if (this.page.text.includes('name="allow"')) await this.submit({ allow: 'yes' });
    const tokens = await oauth.processAuthorizationCodeResponse(this.#provider, this.#made.client, await redeem(this.#provider, this.#made, { page: this.page, verifier: this.#verifier }), { expectedNonce: 'n-1' });
    const { sub, email, acr, amr } = oauth.getValidatedIdTokenClaims(tokens)!;
    assert.equal(decodeJwt(tokens.access_token).sub, sub);
    return { accountId: sub, email: String(email), acr: String(acr), amr: amr as string[], accessToken: tokens.access_token };
  }

  /** What the page says that is wrong. */
  get problem(): string | undefined {
    return /<p class="problem" role="alert">([^<]*)<\/p>/.exec(this.page.text)?.[1];
  }
}

/** Where a page goes on to by itself. */
export function leadsTo({ text, status }: Shown): string {
  const address = /<meta http-equiv="refresh" content="0; url=([^"]*)"/.exec(text)?.[1];
  assert.ok(address, `${status} ${text}`);
  return address.replaceAll('&amp;', '&').replace(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)));
}
