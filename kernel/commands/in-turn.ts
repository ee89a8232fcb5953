/** Work under a key waits for work under the same key that runs in this process; what waits then goes on together. */
export class InTurn {
  readonly #running = new Map<string, Promise<unknown>>();

  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const other = this.#running.get(key);
    if (other) {
      await other.catch(() => {});
      return work();
    }
    const running = work();
    this.#running.set(key, running);
    try {
      return await running;
    } finally {
      this.#running.delete(key);
    }
  }
}
