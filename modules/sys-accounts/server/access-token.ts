import { randomUUID } from 'node:crypto';
import { SignJWT } from 'jose';
import { currentTime } from '@mainstay/kernel';
import type { Needs } from './needs.ts';
import { algorithm, currentSigningKey, type SigningKey } from './signing-keys.ts';

/** How long a process signs with a key before it looks whether another replaced it. */
const keyFreshMilliseconds = 60_000;

export interface AccessToken {
  token: string;
  expiresAt: Date;
}

/** Makes the function that signs access tokens: JWTs after RFC 9068, good for every address in their audience list. */
export function accessTokenSigner(needs: Needs): (accountId: string, sessionId: string, acting?: { actorAccountId: string; until: Date }) => Promise<AccessToken> {
  const { config, deployment } = needs;
  const audience = config.audience.length > 0 ? config.audience : [deployment.address];
  let key: { promise: Promise<SigningKey>; until: number } | undefined;
  const freshKey = async () => {
    if (!key || key.until < performance.now()) key = { promise: currentSigningKey(needs), until: performance.now() + keyFreshMilliseconds };
    const { promise } = key;
    return promise.catch((error: unknown) => {
      key = undefined;
      throw error;
    });
  };
  return async (accountId, sessionId, acting) => {
    const { keyId, privateKey } = await freshKey();
    const issued = Math.floor(currentTime().getTime() / 1000);
    const expires = acting ? Math.floor(acting.until.getTime() / 1000) : issued + config.accessTokenMinutes * 60;
    const token = await new SignJWT({ sid: sessionId, client_id: 'mainstay', ...(acting && { act: { sub: acting.actorAccountId } }) })
      .setProtectedHeader({ alg: algorithm, kid: keyId, typ: 'at+jwt' })
      .setIssuer(deployment.address)
      .setSubject(accountId)
      .setAudience(audience)
      .setJti(randomUUID())
      .setIssuedAt(issued)
      .setExpirationTime(expires)
      .sign(privateKey);
    return { token, expiresAt: new Date(expires * 1000) };
  };
}
