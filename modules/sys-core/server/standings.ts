import { createHash } from 'node:crypto';
import type { Client } from '@connectrpc/connect';
import type { Standing, StandingService } from '@mainstay/sys-accounts/contract';

/** What proves a caller. */
export type Proof = { sessionId: string } | { apiKeyId: string; secret: string };

const remembered = 10_000;

/**
 * Asks for the standing of sessions and API keys, and remembers the answer for up to two seconds. Callers that ask
 * at once share one question. What `forget` is called after is seen by whoever asks then: it acts at once in this process.
 */
export class Standings {
  readonly #client: Client<typeof StandingService>;
  readonly #milliseconds: number;
  readonly #answers = new Map<string, { until: number; standing: Promise<Standing> }>();

  constructor(client: Client<typeof StandingService>, milliseconds: number) {
    this.#client = client;
    this.#milliseconds = milliseconds;
  }

  /** Forgets every answer, also those that are still on their way. */
  forget(): void {
    this.#answers.clear();
  }

  of(proof: Proof): Promise<Standing> {
    const now = performance.now();
    if (this.#milliseconds === 0) return this.#ask(proof);
    const key = 'sessionId' in proof ? proof.sessionId : `${proof.apiKeyId} ${proof.secret}`;
    const answer = this.#answers.get(key);
    if (answer && answer.until > now) return answer.standing;
    const standing = this.#ask(proof);
    this.#answers.delete(key);
    if (this.#answers.size >= remembered) this.#answers.delete(this.#answers.keys().next().value!);
    this.#answers.set(key, { until: now + this.#milliseconds, standing });
    standing.catch(() => { if (this.#answers.get(key)?.standing === standing) this.#answers.delete(key); });
    return standing;
  }

  #ask(proof: Proof): Promise<Standing> {
    if ('sessionId' in proof) return this.#client.getStanding({ proof: { case: 'sessionId', value: proof.sessionId } });
    const secretHash = createHash('sha256').update(proof.secret).digest();
    return this.#client.getStanding({ proof: { case: 'apiKey', value: { apiKeyId: proof.apiKeyId, secretHash } } });
  }
}
