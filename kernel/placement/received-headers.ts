type Given = Readonly<Record<string, string | string[] | undefined>>;

/**
 * The headers of a request that came over HTTP, by lower-case name. One is read where it lies; the collection of the
 * standard, which costs more than a local call, is made for what else is asked.
 */
export class ReceivedHeaders implements Headers {
  readonly #given: Given;
  readonly #leftOut: (name: string) => boolean;
  #all: Headers | undefined;

  constructor(given: Given, leftOut: (name: string) => boolean) {
    this.#given = given;
    this.#leftOut = leftOut;
  }

  get(name: string): string | null {
    if (this.#all) return this.#all.get(name);
    const key = name.toLowerCase();
    const value = Object.hasOwn(this.#given, key) && !this.#leftOut(key) ? this.#given[key] : undefined;
    return value === undefined ? null : textOf(value);
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  get #standard(): Headers {
    return (this.#all ??= standard(this.#given, this.#leftOut));
  }

  get set() {
    return this.#standard.set.bind(this.#standard);
  }

  get append() {
    return this.#standard.append.bind(this.#standard);
  }

  get delete() {
    return this.#standard.delete.bind(this.#standard);
  }

  get getSetCookie() {
    return this.#standard.getSetCookie.bind(this.#standard);
  }

  get forEach() {
    return this.#standard.forEach.bind(this.#standard);
  }

  get keys() {
    return this.#standard.keys.bind(this.#standard);
  }

  get values() {
    return this.#standard.values.bind(this.#standard);
  }

  get entries() {
    return this.#standard.entries.bind(this.#standard);
  }

  get [Symbol.iterator]() {
    return this.entries;
  }
}

const textOf = (value: string | string[]) => (Array.isArray(value) ? value.join(', ') : value);

function standard(given: Given, leftOut: (name: string) => boolean): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given)) if (value !== undefined && !leftOut(name)) headers.set(name, textOf(value));
  return headers;
}
