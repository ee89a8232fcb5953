import { currentTime } from '@mainstay/kernel';
import type { JWTPayload } from 'jose';
import type { errors as ProviderErrors, KoaContextWithOIDC } from 'oidc-provider';
import type { Needs } from '../needs.ts';
import { audiencesOf } from './provider-config.ts';
import { isOfClient, readAccessToken } from './read-access-token.ts';
import { resourceScopes } from './scopes.ts';
import { signJwt } from './sign-jwt.ts';

export const tokenExchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
export const exchangeParameters = ['subject_token', 'subject_token_type', 'requested_token_type', 'actor_token', 'actor_token_type', 'audience', 'resource', 'scope'];

const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';

/**
 * Gives a client that holds an access token of a person another for the same login (RFC 8693): with its own id, with the scopes of the
 * first or fewer, no longer than it, and with `act` naming who uses it.
 */
export const exchangeToken = (needs: Needs, errors: typeof ProviderErrors) => async (ctx: KoaContextWithOIDC): Promise<void> => {
  const given = ctx.oidc.params as Record<string, string | undefined>;
  const { client } = ctx.oidc;
  if (given.subject_token_type !== ACCESS_TOKEN) throw new errors.InvalidRequest(`subject_token_type must be ${ACCESS_TOKEN}`);
  if (given.requested_token_type !== undefined && given.requested_token_type !== ACCESS_TOKEN) throw new errors.InvalidRequest(`requested_token_type must be ${ACCESS_TOKEN}`);
  if (given.actor_token !== undefined) throw new errors.InvalidRequest('actor_token is not taken: the client itself is who acts');
  const aud = given.resource ?? given.audience ?? audiencesOf(needs)[0]!;
  if (!audiencesOf(needs).includes(aud)) throw new errors.InvalidTarget();
  const subject = await readSubject(needs, given.subject_token ?? '');
  if (!subject) throw new errors.InvalidGrant('the subject token is not valid, or its session is over');
  const scope = scopeOf(subject, given.scope, client!.scope);
  if (!scope) throw new errors.InvalidScope('the subject token does not have the scope', given.scope ?? '');
  const clientId = client!.clientId;
  const claims = { sub: subject.sub!, sid: subject.sid, client_id: clientId, scope, aud, act: { sub: clientId, ...(subject.act !== undefined && { act: subject.act }) }, exp: subject.exp! };
  const seconds = needs.config.accessTokenMinutes * 60;
  ctx.body = { access_token: await signJwt(needs, 'ES256', 'at+jwt', claims, seconds), issued_token_type: ACCESS_TOKEN, token_type: 'Bearer', expires_in: Math.min(seconds, subject.exp! - Math.floor(currentTime().getTime() / 1000)), scope };
};

/** A token that may be exchanged: of a person, and none that is bound to a key, since the client need not have that. */
async function readSubject(needs: Needs, token: string): Promise<JWTPayload | undefined> {
  const payload = await readAccessToken(needs, token);
  return payload && payload.cnf === undefined && !isOfClient(payload) ? payload : undefined;
}

/** The scopes that are asked for, or all that the token and the client have; nothing if one is asked for that they do not have. */
function scopeOf({ scope, client_id: clientId }: JWTPayload, wanted: string | undefined, ofClient: string | undefined): string | undefined {
  const had = clientId === 'mainstay' ? [...resourceScopes] : String(scope ?? '').split(' ');
  const allowed = had.filter((one) => ofClient === undefined || ofClient.split(' ').includes(one));
  const asked = wanted === undefined ? allowed : wanted.split(' ');
  const covered = (one: string) => allowed.includes(one) || (one === 'api:read' && allowed.includes('api'));
  return asked.length > 0 && asked.every(covered) ? asked.join(' ') : undefined;
}
