import type { RequestListener } from 'node:http';
import { exportJWK, generateKeyPair } from 'jose';
import type { Configuration } from 'oidc-provider';
import { Browser } from '../browser.ts';
import { serveLocal } from './serve-local.ts';

export const clientId = 'mainstay';
export const clientSecret = 'a secret that both sides know, and no log';

/** Its index warns of every Node that does not call itself a long-term one, as ours does not. */
const library = 'provider';

/** What the provider knows of its people, by their login. */
export type People = Record<string, Record<string, unknown>>;

/** An `oidc-provider` of another company: an implementation that has been certified, with pages of its own. */
export async function startOidcProvider(people: People, more: Configuration = {}) {
  let listener: RequestListener = (_, response) => response.writeHead(503).end();
  const server = await serveLocal((request, response) => listener(request, response));
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const jwks = { keys: [{ ...(await exportJWK(privateKey)), kid: 'external', use: 'sig', alg: 'RS256' }] };
  return {
    issuer: server.address,
    stop: server.stop,
    /** Lets a client send people here, who come back to this address. */
    async letIn(redirectUri: string): Promise<void> {
      const { Provider } = (await import(`oidc-provider/lib/${library}.js`)) as typeof import('oidc-provider');
      const answer = new Provider(server.address, {
        clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
        jwks,
        cookies: { keys: ['for a test'] },
        claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'locale'], groups: ['groups'] },
        findAccount: (_ctx, login) => (people[login] ? { accountId: login, claims: async () => ({ sub: login, ...people[login] }) } : undefined),
        ...more,
      }).callback();
      listener = (request, response) => void answer(request, response);
    },
    /** Logs in there as a person does; gives where the browser is sent back to. */
    async logIn(address: string, login: string, there = new Browser(server.address)): Promise<string> {
      let page = await there.open(address);
      if (page.text.includes('name="login"')) page = await there.submit(page, { login, password: 'any' });
      if (page.text.includes('value="consent"')) page = await there.submit(page, { prompt: 'consent' });
      return page.url;
    },
  };
}
