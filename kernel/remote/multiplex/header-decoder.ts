import { errorCode, Http2Error } from './frames.ts';
import { ENTRY_BYTES, staticTable } from './hpack-static-table.ts';
import { fromHuffman } from './huffman.ts';

interface Entry {
  name: string;
  value: string;
  isFit: boolean;
}

const fixed: readonly Entry[] = staticTable.map(([name, value]) => ({ name, value, isFit: true }));
const wellFormed = /^:?[!#$%&'*+.^_`|~0-9a-z-]+$/;
/** Names that were found well formed: all that come are the same few. */
const known = new Set<string>();
const MOST_KNOWN = 200;
/** Beyond that, the oldest places of the table are given back. */
const MOST_GONE = 1024;

const broken = (problem: string) => new Http2Error(errorCode.COMPRESSION_ERROR, `the headers ${problem}`);

/** Reads blocks of headers as RFC 7541 writes them. An entry of the table gives the same strings each time, whose hashes are known. */
export class HeaderDecoder {
  readonly #largestTable: number;
  readonly #mostBytes: number;
  #capacity: number;
  #size = 0;
  /** The newest last; those before `#first` are gone. */
  #entries: (Entry | undefined)[] = [];
  #first = 0;
  #at = 0;

  /** The size of the table that the other end was told, and the largest list of headers, in bytes. */
  constructor(largestTable: number, mostBytes: number) {
    this.#largestTable = largestTable;
    this.#mostBytes = mostBytes;
    this.#capacity = largestTable;
  }

  /** Names and values in turn; nothing where the list is too long or holds what no header may. Throws `Http2Error` where both ends no longer mean the same. */
  decode(block: Buffer, from: number, to: number): string[] | undefined {
    const list: string[] = [];
    let [size, fit] = [0, true];
    this.#at = from;
    while (this.#at < to) {
      const first = block[this.#at]!;
      if ((first & 0xe0) === 0x20) {
        if (list.length > 0) throw broken('change the table within');
        this.#resize(this.#integer(block, to, 0x1f));
        continue;
      }
      const { name, value, isFit } = first >= 0x80 ? this.#entryAt(this.#integer(block, to, 0x7f)) : this.#literal(block, to, first);
      size += name.length + value.length + ENTRY_BYTES;
      fit &&= isFit && size <= this.#mostBytes;
      if (fit) list.push(name, value);
    }
    return fit ? list : undefined;
  }

  #literal(block: Buffer, to: number, first: number): Entry {
    const isKept = first >= 0x40;
    const index = this.#integer(block, to, isKept ? 0x3f : 0x0f);
    const name = index === 0 ? this.#string(block, to) : this.#entryAt(index).name;
    const value = this.#string(block, to);
    const entry = { name, value, isFit: isWellFormed(name, value) };
    if (isKept) this.#keep(entry);
    return entry;
  }

  #entryAt(index: number): Entry {
    const entry = index <= fixed.length ? fixed[index - 1] : this.#entries[this.#entries.length - (index - fixed.length)];
    if (!entry) throw broken('name an entry that is not there');
    return entry;
  }

  #keep(entry: Entry): void {
    this.#entries.push(entry);
    this.#size += entry.name.length + entry.value.length + ENTRY_BYTES;
    this.#evict();
  }

  #resize(capacity: number): void {
    if (capacity > this.#largestTable) throw broken('want a table that is too large');
    this.#capacity = capacity;
    this.#evict();
  }

  #evict(): void {
    while (this.#size > this.#capacity) {
      const { name, value } = this.#entries[this.#first]!;
      this.#entries[this.#first++] = undefined;
      this.#size -= name.length + value.length + ENTRY_BYTES;
    }
    if (this.#first <= MOST_GONE) return;
    this.#entries = this.#entries.slice(this.#first);
    this.#first = 0;
  }

  #integer(block: Buffer, to: number, mask: number): number {
    let value = block[this.#at++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; ; shift += 7) {
      if (this.#at >= to || shift > 21) throw broken('hold a number that is too large');
      const octet = block[this.#at++]!;
      value += (octet & 0x7f) << shift;
      if (octet < 0x80) return value;
    }
  }

  #string(block: Buffer, to: number): string {
    if (this.#at >= to) throw broken('end too early');
    const isCoded = block[this.#at]! >= 0x80;
    const length = this.#integer(block, to, 0x7f);
    const from = this.#at;
    const end = from + length;
    if (end > to) throw broken('end too early');
    this.#at = end;
    const text = isCoded ? fromHuffman(block, from, end) : block.toString('latin1', from, end);
    if (text === undefined) throw broken('are not coded as the standard says');
    return text;
  }
}

function isWellFormed(name: string, value: string): boolean {
  if (!known.has(name)) {
    if (!wellFormed.test(name)) return false;
    if (known.size < MOST_KNOWN) known.add(name);
  }
  for (let at = 0; at < value.length; at++) {
    const octet = value.charCodeAt(at);
    if ((octet < 0x20 && octet !== 0x09) || octet === 0x7f) return false;
  }
  return true;
}
