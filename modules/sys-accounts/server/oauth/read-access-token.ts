import { currentTime, exactBase64url } from '@mainstay/kernel';
import { createLocalJWKSet, jwtVerify, type JWK, type JWTPayload } from 'jose';
import type { Needs } from '../needs.ts';
import { isGrantOpen } from './granted-sessions.ts';
import { readProviderKeys } from './provider-keys.ts';

/** What an access token of this provider (RFC 9068) says, while what it stands for goes on; nothing for anything else. */
export async function readAccessToken(needs: Needs, token: string): Promise<JWTPayload | undefined> {
  if (!exactBase64url(token.slice(token.lastIndexOf('.') + 1))) return undefined;
  const keys = (await readProviderKeys(needs)).map(({ kty, crv, x, y, n, e, kid, alg }): JWK => ({ kty, crv, x, y, n, e, kid, alg }));
  const verified = await jwtVerify(token, createLocalJWKSet({ keys }), { issuer: needs.deployment.address, typ: 'at+jwt', algorithms: ['ES256'], currentDate: currentTime(), requiredClaims: ['sub', 'sid', 'exp'] }).catch(() => undefined);
  const payload = verified?.payload;
  if (!payload) return undefined;
  return isOfClient(payload) || (await isGrantOpen(needs, String(payload.sid))) ? payload : undefined;
}

/** Whether a token stands for the client itself, and for no person. */
export const isOfClient = ({ sub, client_id: clientId }: JWTPayload): boolean => sub === clientId;
