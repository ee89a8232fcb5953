import { ENTRY_BYTES, staticTable } from './hpack-static-table.ts';

interface Entry {
  name: string;
  value: string;
  /** How many came before it. */
  number: number;
}

const STANDARD_TABLE = 4096;
const SCRATCH_BYTES = 8 * 1024;
/** The most that the numbers before a name and a value take. */
const NUMBER_BYTES = 12;

/** Said in the same words again and again. Of other headers only the names are kept at the other end. */
const repeated = new Set([':path', ':authority', 'content-type', 'connect-protocol-version', 'mainstay-caller', 'mainstay-client']);

const staticNames = new Map<string, number>();
staticTable.forEach(([name], at) => {
  if (!staticNames.has(name)) staticNames.set(name, at + 1);
});

/** Writes blocks of headers as RFC 7541 says: what is said again and again stands in the table at the other end and is one octet or two. */
export class HeaderEncoder {
  #capacity = STANDARD_TABLE;
  #told = STANDARD_TABLE;
  /** The smallest table since the last block: the other end hears of it too. */
  #least = STANDARD_TABLE;
  #size = 0;
  #inserted = 0;
  /** By number, the oldest first. */
  readonly #entries = new Map<number, Entry>();
  /** The newest of a name. */
  readonly #named = new Map<string, number>();
  readonly #valued = new Map<string, Map<string, number>>();
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);
  #at = 0;

  /** The table that the other end allows, in bytes, from the next block on. */
  resize(capacity: number): void {
    this.#capacity = capacity;
    this.#least = Math.min(this.#least, capacity);
    this.#evict(capacity);
  }

  begin(): void {
    this.#at = 0;
    if (this.#least < this.#told && this.#least < this.#capacity) this.#integer(0x20, 0x1f, this.#least);
    if (this.#capacity !== this.#told || this.#least < this.#told) this.#integer(0x20, 0x1f, this.#capacity);
    this.#told = this.#least = this.#capacity;
  }

  /** A field of the static table, by its index. */
  addStatic(index: number): void {
    this.#integer(0x80, 0x7f, index);
  }

  /** The name in lower case; of the value, the low octet of each character. */
  add(name: string, value: string): void {
    this.#reserve(name.length + value.length + NUMBER_BYTES);
    const number = this.#valued.get(name)?.get(value);
    if (number !== undefined) return this.#integer(0x80, 0x7f, this.#indexOf(number));
    const index = staticNames.get(name) ?? this.#indexOfName(name);
    if (repeated.has(name) || index === undefined) {
      this.#integer(0x40, 0x3f, index ?? 0);
      if (index === undefined) this.#string(name);
      this.#string(value);
      this.#keep(name, value);
    } else {
      this.#integer(0, 0x0f, index);
      this.#string(value);
    }
  }

  /** The block, which is only lent until the next one begins. */
  end(): Buffer {
    return this.#scratch.subarray(0, this.#at);
  }

  #indexOf(number: number): number {
    return staticTable.length + this.#inserted - number;
  }

  #indexOfName(name: string): number | undefined {
    const number = this.#named.get(name);
    return number === undefined ? undefined : this.#indexOf(number);
  }

  #keep(name: string, value: string): void {
    const size = name.length + value.length + ENTRY_BYTES;
    this.#evict(this.#capacity - size);
    // Larger than the table: it is empty now, at either end.
    if (size > this.#capacity) return;
    const number = this.#inserted++;
    this.#entries.set(number, { name, value, number });
    this.#size += size;
    this.#named.set(name, number);
    if (!repeated.has(name)) return;
    let valued = this.#valued.get(name);
    if (!valued) this.#valued.set(name, (valued = new Map()));
    valued.set(value, number);
  }

  #evict(most: number): void {
    for (const { name, value, number } of this.#entries.values()) {
      if (this.#size <= most) return;
      this.#entries.delete(number);
      this.#size -= name.length + value.length + ENTRY_BYTES;
      if (this.#named.get(name) === number) this.#named.delete(name);
      const valued = this.#valued.get(name);
      if (valued?.get(value) === number) valued.delete(value);
    }
  }

  #integer(pattern: number, mask: number, given: number): void {
    const scratch = this.#scratch;
    if (given < mask) return void (scratch[this.#at++] = pattern | given);
    scratch[this.#at++] = pattern | mask;
    let value = given - mask;
    for (; value >= 0x80; value >>>= 7) scratch[this.#at++] = (value & 0x7f) | 0x80;
    scratch[this.#at++] = value;
  }

  #string(text: string): void {
    this.#integer(0, 0x7f, text.length);
    this.#at += this.#scratch.write(text, this.#at, 'latin1');
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#scratch.length) return;
    const larger = Buffer.allocUnsafeSlow((this.#at + bytes) * 2);
    this.#scratch.copy(larger, 0, 0, this.#at);
    this.#scratch = larger;
  }
}
