/** What became of one request. */
export interface Taken {
  allowed: boolean;
  /** How many more would be let through now. */
  remaining: number;
  /** Until all of the limit is there again, in milliseconds. */
  resetMs: number;
  /** Until one more would be let through, in milliseconds; 0 where this one was. */
  waitMs: number;
}

export interface Rate {
  requests: number;
  seconds: number;
}

/** Callers that are kept in mind at most, in each of two generations. */
const mostCallers = 200_000;

/**
 * Counts the requests of each caller by the generic cell rate algorithm (GCRA, ITU-T I.371): one number a caller. In any time t at
 * most `requests · (1 + t / seconds)` are let through: all at once after a rest, and evenly from then on.
 */
export class Gcra {
  readonly #everyMs: number;
  readonly #burstMs: number;
  /** When the caller's earlier requests will be forgotten; two generations, so that callers who rest are forgotten without looking for them. */
  #young = new Map<string, number>();
  #old = new Map<string, number>();
  #turnAt: number;

  /** `now` tells milliseconds. */
  constructor({ requests, seconds }: Rate, now: number) {
    const whole = Math.max(1, requests);
    this.#everyMs = (seconds * 1000 * (whole / requests)) / whole;
    this.#burstMs = this.#everyMs * whole;
    this.#turnAt = now + this.#burstMs;
  }

  /** How many callers it keeps in mind. */
  get callers(): number {
    return this.#young.size + this.#old.keys().filter((caller) => !this.#young.has(caller)).reduce((count) => count + 1, 0);
  }

  take(caller: string, now: number): Taken {
    if (now >= this.#turnAt || this.#young.size >= mostCallers) this.#turn(now);
    const before = Math.max(now, this.#young.get(caller) ?? this.#old.get(caller) ?? now);
    const after = before + this.#everyMs;
    // Sums of fractions are not exact to the last digit.
    const waitMs = after - now - this.#burstMs;
    const allowed = waitMs <= 1e-6 * this.#burstMs;
    if (allowed) this.#young.set(caller, after);
    const held = (allowed ? after : before) - now;
    return { allowed, remaining: Math.max(0, Math.floor((this.#burstMs - held) / this.#everyMs + 1e-6)), resetMs: held, waitMs: allowed ? 0 : waitMs };
  }

  /** Nothing lasts longer than a burst, so whoever was not seen for two turns is new. */
  #turn(now: number): void {
    this.#old = now >= this.#turnAt + this.#burstMs ? new Map() : this.#young;
    this.#young = new Map();
    this.#turnAt = now + this.#burstMs;
  }
}
