import { currentTime, newId } from '@mainstay/kernel';
import { importJWK, SignJWT, type JWTPayload } from 'jose';
import type { Needs } from '../needs.ts';
import { readProviderKeys } from './provider-keys.ts';

/** A JWT of the provider's, by the key that signs now; good for so many seconds, or until `exp` if that comes sooner. */
export async function signJwt(needs: Needs, alg: 'ES256' | 'RS256', typ: string, claims: JWTPayload, seconds: number): Promise<string> {
  const { kid, ...jwk } = (await readProviderKeys(needs)).find((key) => key.alg === alg)!;
  const now = Math.floor(currentTime().getTime() / 1000);
  return new SignJWT({ ...claims, iss: needs.deployment.address, jti: newId(), iat: now, exp: Math.min(now + seconds, claims.exp ?? Infinity) }).setProtectedHeader({ alg, kid: kid!, typ }).sign(await importJWK(jwk, alg));
}
