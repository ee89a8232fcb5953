/** A connection to a peer that is looked after. */
interface Swept {
  /** Called again and again: whether the peer was silent this often when it should have said something. */
  isSilent(times: number): boolean;
  destroy(error?: Error): void;
}

/** A connection that rests longer is closed, before the peer does that: a request must not cross it. In milliseconds. */
const REST_MILLISECONDS = 30_000;
const SWEEP_MILLISECONDS = 500;
/** A peer that hangs, or a connection that no longer leads to it, shows by so many sweeps without a word. */
const SILENT_SWEEPS = 6;

/** The connections of one kind to one peer. Those whose peer is silent are cut. */
export class SweptConnections<C extends Swept> {
  readonly #all = new Set<C>();
  readonly #closeRested: (since: number, wereSilent: boolean) => void;
  #sweep: NodeJS.Timeout | undefined;

  /** `closeRested` closes what has rested since before a moment, by `performance.now()`; `wereSilent` if others were cut for that. */
  constructor(closeRested: (since: number, wereSilent: boolean) => void) {
    this.#closeRested = closeRested;
  }

  get size(): number {
    return this.#all.size;
  }

  [Symbol.iterator](): Iterator<C> {
    return this.#all.values();
  }

  add(connection: C): void {
    this.#all.add(connection);
    this.#sweep ??= setInterval(() => this.#sweepAll(), SWEEP_MILLISECONDS).unref();
  }

  delete(connection: C): void {
    this.#all.delete(connection);
  }

  /** Cuts every connection. */
  destroy(): void {
    clearInterval(this.#sweep);
    for (const connection of this.#all) connection.destroy();
  }

  #sweepAll(): void {
    const silent = [...this.#all].filter((connection) => connection.isSilent(SILENT_SWEEPS));
    for (const connection of silent) connection.destroy(new Error('the peer has said nothing for too long'));
    this.#closeRested(performance.now() - REST_MILLISECONDS, silent.length > 0);
    if (this.#all.size > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
  }
}
