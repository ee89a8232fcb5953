/** Things that are found by any of several ids. */
export class ByIds<T extends { ids: readonly string[] }> {
  readonly #byId = new Map<string, Set<T>>();

  add(thing: T): void {
    for (const id of thing.ids) {
      const things = this.#byId.get(id);
      if (things) things.add(thing);
      else this.#byId.set(id, new Set([thing]));
    }
  }

  delete(thing: T): void {
    for (const id of thing.ids) {
      const things = this.#byId.get(id);
      if (things?.delete(thing) && things.size === 0) this.#byId.delete(id);
    }
  }

  /** Everything that has one of the ids, once. */
  of(ids: Iterable<string>): Set<T> {
    const found = new Set<T>();
    for (const id of ids) for (const thing of this.#byId.get(id) ?? []) found.add(thing);
    return found;
  }
}
