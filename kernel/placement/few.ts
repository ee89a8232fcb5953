/** A set that mostly holds one thing for a moment: that one has a place without hashing. */
export class Few<T> {
  #one: T | undefined;
  #more: Set<T> | undefined;

  add(item: T): void {
    if (this.#one === undefined) this.#one = item;
    else (this.#more ??= new Set()).add(item);
  }

  delete(item: T): void {
    if (this.#one === item) this.#one = undefined;
    else this.#more?.delete(item);
  }

  /** Empties it and gives what it held. */
  take(): T[] {
    const items = [...(this.#one === undefined ? [] : [this.#one]), ...(this.#more ?? [])];
    this.#one = this.#more = undefined;
    return items;
  }
}
