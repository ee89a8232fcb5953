/** How many repeats a process may still get: a part of its calls, and some to spare. Never more than `spare` and that part of all calls. */
export class RetryBudget {
  readonly #share: number;
  readonly #most: number;
  #left: number;

  /** `share` is between 0 and 1. */
  constructor(share: number, spare: number) {
    this.#share = share;
    this.#left = spare;
    // What was saved while all went well must not bury a process that begins to fail.
    this.#most = Math.max(spare, 100 * share);
  }

  /** A call was made for the first time. */
  called(): void {
    if (this.#left < this.#most) this.#left = Math.min(this.#most, this.#left + this.#share);
  }

  /** Whether one may be repeated; it counts as repeated then. */
  take(): boolean {
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
