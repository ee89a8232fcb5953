/** Tells uses of one thing that overlap in time from uses one after the other, within this process. */
export class OverlappingUses {
  readonly #running = new Map<string, { count: number; overlapped: boolean }>();

  /** Runs `use`, which may ask at any time whether another use of `key` has run at the same time as it. It lasts until `end`. */
  async run<T>(key: string, end: Promise<unknown>, use: (overlapped: () => boolean) => Promise<T>): Promise<T> {
    const running = this.#running.get(key) ?? { count: 0, overlapped: false };
    this.#running.set(key, running);
    if (++running.count > 1) running.overlapped = true;
    try {
      return await use(() => running.overlapped);
    } finally {
      void end.then(() => {
        if (--running.count === 0) this.#running.delete(key);
      });
    }
  }
}
