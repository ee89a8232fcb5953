import type { JWTPayload } from 'jose';
import type { Provider } from 'oidc-provider';
import type { Needs } from '../needs.ts';
import { readAccessToken } from './read-access-token.ts';

type Middleware = Parameters<Provider['use']>[0];

/**
 * Tells a client of its JWT access tokens (RFC 7662, RFC 9068), too. The provider refuses what it does not keep, once it has
 * authenticated the client: that refusal is what is answered instead.
 */
export const introspectJwt = (needs: Needs): Middleware => async (ctx, next) => {
  await next();
  const { oidc, body } = ctx as { oidc?: { route?: string; client?: { clientId: string; clientAuthMethod?: string }; params?: { token?: string } }; body?: { error?: string } };
  if (oidc?.route !== 'introspection' || !oidc.client || body?.error !== 'unsupported_token_type') return;
  const token = await readAccessToken(needs, String(oidc.params?.token));
  const isTold = token !== undefined && oidc.client.clientAuthMethod !== 'none' && token.client_id === oidc.client.clientId;
  ctx.status = 200;
  ctx.body = isTold ? { active: true, ...told(token), token_type: token.cnf === undefined ? 'Bearer' : 'DPoP' } : { active: false };
};

const told = ({ sub, sid, client_id, scope, aud, iss, exp, iat, jti, cnf, act }: JWTPayload): object => ({ sub, sid, client_id, scope, aud, iss, exp, iat, jti, cnf, act });
