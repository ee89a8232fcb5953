import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { exportJWK, generateKeyPair, SignJWT, type JWTPayload } from 'jose';
import { clientId, clientSecret } from './oidc-provider.ts';
import { serveLocal } from './serve-local.ts';

/** How a provider misbehaves; each takes what would be right. */
export interface Misbehaviour {
  /** Of the ID token. */
  claims?: (claims: JWTPayload) => JWTPayload;
  /** Signs ID tokens with a key that the provider does not show. */
  wrongKey?: boolean;
  /** Of the answer in the address that the browser comes back to. */
  answer?: (answer: URLSearchParams) => void;
  /** Answers a path in another way. */
  paths?: Record<string, (request: IncomingMessage, response: ServerResponse) => void>;
}

type Claims = Record<string, unknown>;

/** A small provider that does as a test says: of OpenID Connect, and of OAuth 2.0 alone. It logs in whoever comes as `who`. */
export async function startCraftedProvider() {
  const [right, wrong] = await Promise.all([generateKeyPair('RS256', { extractable: true }), generateKeyPair('RS256')]);
  const jwks = { keys: [{ ...(await exportJWK(right.publicKey)), kid: 'right', use: 'sig', alg: 'RS256' }] };
  const codes = new Map<string, { params: URLSearchParams; who: Claims }>();
  const tokens = new Map<string, Claims>();
  const provider = { issuer: '', who: {} as Claims, misbehaves: {} as Misbehaviour, asked: [] as string[], lastAsked: undefined as URLSearchParams | undefined, given: [] as string[], stop: () => {} };

  const send = (response: ServerResponse, body: object, status = 200) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

  const paths: Record<string, (request: IncomingMessage, response: ServerResponse, params: URLSearchParams) => void | Promise<void>> = {
    '/.well-known/openid-configuration': (_, response) => void send(response, { issuer: provider.issuer, authorization_endpoint: `${provider.issuer}/authorize`, token_endpoint: `${provider.issuer}/token`, userinfo_endpoint: `${provider.issuer}/userinfo`, jwks_uri: `${provider.issuer}/jwks`, response_types_supported: ['code'], subject_types_supported: ['public'], id_token_signing_alg_values_supported: ['RS256'], authorization_response_iss_parameter_supported: true }),
    '/jwks': (_, response) => void send(response, jwks),
    '/authorize'(_, response, params) {
      provider.lastAsked = params;
      const code = crypto.randomUUID();
      codes.set(code, { params, who: provider.who });
      const answer = new URLSearchParams({ code, state: params.get('state')!, iss: provider.issuer });
      provider.misbehaves.answer?.(answer);
      response.writeHead(302, { location: `${params.get('redirect_uri')}?${answer}` }).end();
    },
    async '/token'(request, response) {
      const form = new URLSearchParams(await text(request));
      const found = codes.get(form.get('code') ?? '');
      codes.delete(form.get('code') ?? '');
      const isRight = found && request.headers.authorization === `Basic ${Buffer.from(`${clientId}:${encodeURIComponent(clientSecret).replaceAll('%20', '+')}`).toString('base64')}` && form.get('redirect_uri') === found.params.get('redirect_uri') && createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url') === found.params.get('code_challenge');
      if (!isRight) return void send(response, { error: 'invalid_grant' }, 400);
      const access_token = crypto.randomUUID();
      tokens.set(access_token, found.who);
      const id_token = found.params.get('scope')?.includes('openid') ? await idToken(found) : undefined;
      provider.given.push(access_token, ...(id_token ? [id_token] : []));
      send(response, { access_token, token_type: 'Bearer', ...(id_token && { id_token }) });
    },
    '/userinfo'(request, response) {
      const who = tokens.get((request.headers.authorization ?? '').replace('Bearer ', ''));
      send(response, who ?? { error: 'invalid_token' }, who ? 200 : 401);
    },
  };

  async function idToken({ params, who }: { params: URLSearchParams; who: Claims }): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const claims: JWTPayload = { iss: provider.issuer, aud: clientId, iat: now, exp: now + 300, auth_time: now, nonce: params.get('nonce') ?? undefined, ...who };
    const { misbehaves } = provider;
    return new SignJWT(misbehaves.claims?.(claims) ?? claims).setProtectedHeader({ alg: 'RS256', kid: 'right' }).sign(misbehaves.wrongKey ? wrong.privateKey : right.privateKey);
  }

  const { address, stop } = await serveLocal((request, response) => {
    const { pathname, searchParams } = new URL(request.url!, 'http://localhost');
    provider.asked.push(pathname);
    const answer = provider.misbehaves.paths?.[pathname] ?? paths[pathname];
    if (!answer) return void response.writeHead(404).end();
    Promise.resolve(answer(request, response, searchParams)).catch((error: unknown) => response.destroy(error as Error));
  });
  return Object.assign(provider, { issuer: address, stop });
}
