import { createHash } from 'node:crypto';
import { currentTime, type RequestTarget } from '@mainstay/kernel';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';
import { errors } from '../errors.ts';

/** What a proof must be about. */
export interface ProofOf {
  token: string;
  /** The thumbprint (RFC 7638) of the key that the token is bound to. */
  thumbprint: string;
  target: RequestTarget;
}

const SECONDS = 60;
const REMEMBERED = 100_000;

/**
 * Checks proofs that whoever sends a token has the key that it is bound to (DPoP, RFC 9449, 4.3). A proof is good for one request, for a
 * minute, at one of the deployment's addresses; each process remembers those that it has seen.
 */
export class ProofsOfPossession {
  readonly #origins: ReadonlySet<string>;
  readonly #seen = new Map<string, number>();

  constructor(addresses: readonly string[]) {
    this.#origins = new Set(addresses.map((address) => new URL(address).origin));
  }

  /** Throws `PROOF_INVALID`. */
  async require(proof: string | null, { token, thumbprint, target }: ProofOf): Promise<void> {
    if (proof === null) throw errors.PROOF_INVALID({ problem: 'the header dpop is missing' });
    const verified = await jwtVerify(proof, EmbeddedJWK, { typ: 'dpop+jwt', algorithms: ['ES256', 'EdDSA', 'RS256'], maxTokenAge: SECONDS, clockTolerance: 5, currentDate: currentTime(), requiredClaims: ['jti', 'htm', 'htu', 'ath'] }).catch(() => {
      throw errors.PROOF_INVALID({ problem: 'it is not signed by the key that it holds, or too old' });
    });
    const { payload, protectedHeader } = verified;
    if ((await calculateJwkThumbprint(protectedHeader.jwk!)) !== thumbprint) throw errors.PROOF_INVALID({ problem: 'the token is bound to another key' });
    if (payload.ath !== createHash('sha256').update(token).digest('base64url')) throw errors.PROOF_INVALID({ problem: 'it is about another token' });
    if (payload.htm !== target.method || !this.#isHere(String(payload.htu), target.url)) throw errors.PROOF_INVALID({ problem: 'it is about another request' });
    if (!this.#isNew(`${thumbprint} ${payload.jti!}`)) throw errors.PROOF_INVALID({ problem: 'it was used before' });
  }

  #isHere(htu: string, url: string): boolean {
    const named = URL.parse(htu);
    return named !== null && this.#origins.has(named.origin) && named.pathname === new URL(url, named.origin).pathname;
  }

  #isNew(key: string): boolean {
    const now = performance.now();
    for (const [old, until] of this.#seen) {
      if (until > now && this.#seen.size < REMEMBERED) break;
      this.#seen.delete(old);
    }
    if (this.#seen.has(key)) return false;
    this.#seen.set(key, now + 2 * SECONDS * 1000);
    return true;
  }
}
