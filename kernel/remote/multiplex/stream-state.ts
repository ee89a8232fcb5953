/** What both ends know of a call on a connection. */
export class StreamState {
  readonly id: number;
  /** What the other end allows beyond the window with which each stream begins; below zero as that is used up. */
  credit = 0;
  /** Bytes that came since the other end was last allowed more. */
  taken = 0;
  /** Bytes that came. */
  size = 0;
  readonly #parts: Uint8Array[] = [];

  constructor(id: number) {
    this.id = id;
  }

  /** What it is given is only lent. */
  keep(bytes: Uint8Array): void {
    this.#parts.push(new Uint8Array(bytes));
  }

  /** The body, in memory of its own; its last part is only lent. */
  whole(last: Uint8Array): Uint8Array<ArrayBuffer> {
    if (this.#parts.length === 0) return new Uint8Array(last);
    const body = new Uint8Array(this.size);
    let at = 0;
    for (const part of [...this.#parts.splice(0), last]) {
      body.set(part, at);
      at += part.length;
    }
    return body;
  }
}
