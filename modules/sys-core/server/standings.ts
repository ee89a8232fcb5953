import { createHash } from 'node:crypto';
import type { Standing } from '@mainstay/sys-accounts/contract';
import { ByIds } from './by-ids.ts';
import type { StandingQuestions } from './standing-questions.ts';

/** What proves a caller. */
export type Proof = { sessionId: string; accountId: string } | { apiKeyId: string; secret: string } | { oauthClientId: string };

interface Answer {
  key: string;
  until: number;
  standing: Promise<Standing>;
  /** The session, OAuth client or API key it is about, and the account as far as that is known. */
  ids: readonly string[];
}

const remembered = 10_000;

/**
 * Asks for the standing of sessions and API keys, and remembers the answer for up to two seconds. Callers that ask at
 * once share one question. What `changed` names is asked about again by whoever asks then: a change acts at once in this process.
 */
export class Standings {
  readonly #questions: Pick<StandingQuestions, 'ask'>;
  readonly #milliseconds: number;
  readonly #answers = new Map<string, Answer>();
  readonly #byId = new ByIds<Answer>();
  /** Those of which it is not known whom they are about: of API keys, until they are answered and if they do not hold. */
  readonly #ofAnybody = new Set<Answer>();

  constructor(questions: Pick<StandingQuestions, 'ask'>, milliseconds: number) {
    this.#questions = questions;
    this.#milliseconds = milliseconds;
  }

  /** Forgets the answers about these sessions, API keys and accounts, also those that are still on their way. */
  changed(ids: Iterable<string>): void {
    for (const answer of [...this.#byId.of(ids), ...this.#ofAnybody]) this.#forget(answer);
  }

  of(proof: Proof): Promise<Standing> {
    if (this.#milliseconds === 0) return this.#ask(proof);
    const key = Object.values(proof).join(' ');
    const known = this.#answers.get(key);
    if (known && known.until > performance.now()) return known.standing;
    if (known) this.#forget(known);
    if (this.#answers.size >= remembered) this.#forget(this.#answers.values().next().value!);
    return this.#remember(key, proof).standing;
  }

  #remember(key: string, proof: Proof): Answer {
    const ids = 'apiKeyId' in proof ? [proof.apiKeyId] : Object.values(proof);
    const answer = { key, until: performance.now() + this.#milliseconds, standing: this.#ask(proof), ids };
    this.#answers.set(key, answer);
    this.#byId.add(answer);
    if ('apiKeyId' in proof) this.#ofAnybody.add(answer);
    answer.standing.then(({ accountId }) => this.#learn(answer, accountId), () => this.#forget(answer));
    return answer;
  }

  #learn(answer: Answer, accountId: string): void {
    if (!accountId || !this.#ofAnybody.has(answer)) return;
    this.#ofAnybody.delete(answer);
    this.#byId.delete(answer);
    answer.ids = [...answer.ids, accountId];
    this.#byId.add(answer);
  }

  #forget(answer: Answer): void {
    if (this.#answers.get(answer.key) === answer) this.#answers.delete(answer.key);
    this.#ofAnybody.delete(answer);
    this.#byId.delete(answer);
  }

  #ask(proof: Proof): Promise<Standing> {
    if ('sessionId' in proof) return this.#questions.ask({ proof: { case: 'sessionId', value: proof.sessionId } });
    if ('oauthClientId' in proof) return this.#questions.ask({ proof: { case: 'oauthClientId', value: proof.oauthClientId } });
    const secretHash = createHash('sha256').update(proof.secret).digest();
    return this.#questions.ask({ proof: { case: 'apiKey', value: { apiKeyId: proof.apiKeyId, secretHash } } });
  }
}
