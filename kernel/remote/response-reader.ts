/** An answer over HTTP/1.1, as it came. */
export interface RawResponse {
  status: number;
  /** The lines of the head. */
  head: string;
  /** The media type as it was written. */
  contentType: string;
  body: Uint8Array<ArrayBuffer>;
  /** The connection may be used again. */
  reusable: boolean;
}

const NONE = Buffer.alloc(0);
const BLANK_LINE = Buffer.from('\r\n\r\n');
const LINE_END = Buffer.from('\r\n');
const LONGEST_HEAD = 64 * 1024;
const LONGEST_CHUNK_LINE = 1024;

/** What the lines of a head say about the body behind them. */
interface Framing {
  length: number | undefined;
  chunked: boolean;
  close: boolean;
  contentType: string;
}

/**
 * Reads one answer after the other from the bytes of a connection (RFC 9112). Throws for what is no HTTP, or larger than
 * `mostBytes`. What it is given may be used again by its owner afterwards: what lasts is copied.
 */
export class ResponseReader {
  readonly #mostBytes: number;
  #held: Buffer = NONE;
  #head: string | undefined;
  #status = 0;
  #framing: Framing | undefined;
  #parts: Uint8Array<ArrayBuffer>[] = [];
  #size = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /** Whether part of an answer has come. */
  get hasBegun(): boolean {
    return this.#head !== undefined || this.#held.length > 0;
  }

  /**
   * Takes what came; gives the answer once it is whole. What comes behind it was not asked for: a peer that stops says so there,
   * and the connection is not used again.
   */
  read(chunk: Buffer): RawResponse | undefined {
    const bytes = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = NONE;
    const from = this.#head === undefined ? this.#readHead(bytes) : 0;
    if (from === undefined) return undefined;
    const { chunked, length } = this.#framing!;
    if (chunked) return this.#readChunks(bytes, from);
    if (length === undefined) this.#keep(bytes, from, bytes.length);
    else return this.#readLength(bytes, from, length);
    return undefined;
  }

  /** The connection ended: the answer, if its end was that. */
  end(): RawResponse | undefined {
    return this.#framing && !this.#framing.chunked && this.#framing.length === undefined ? this.#finish() : undefined;
  }

  /** Gives where the body begins, once the head is whole. Interim answers before the real one are passed over. */
  #readHead(bytes: Buffer): number | undefined {
    for (let from = 0; ; ) {
      const end = bytes.indexOf(BLANK_LINE, from);
      if ((end < 0 ? bytes.length : end) - from > LONGEST_HEAD) throw new Error('the head of the answer is too long');
      if (end < 0) return this.#holdFrom(bytes, from);
      const head = bytes.toString('latin1', from, end + 2);
      const status = Number(head.slice(9, 12));
      if (!head.startsWith('HTTP/1.1 ') || !(status >= 100 && status < 600)) throw new Error('the answer is no HTTP/1.1');
      from = end + 4;
      if (status < 200) continue;
      this.#head = head;
      this.#status = status;
      this.#framing = framingOf(head);
      if (status === 204 || status === 304) this.#framing.length = 0;
      return from;
    }
  }

  #readLength(bytes: Buffer, from: number, length: number): RawResponse | undefined {
    if (length > this.#mostBytes) throw new Error(`the answer is larger than ${this.#mostBytes} bytes`);
    const end = Math.min(bytes.length, from + length - this.#size);
    this.#keep(bytes, from, end);
    return this.#size === length ? this.#finish(end < bytes.length) : undefined;
  }

  #readChunks(bytes: Buffer, from: number): RawResponse | undefined {
    for (let at = from; ; ) {
      const lineEnd = bytes.indexOf(LINE_END, at);
      if (lineEnd < 0) return this.#holdFrom(bytes, at, LONGEST_CHUNK_LINE);
      const size = sizeOfChunk(bytes.toString('latin1', at, lineEnd));
      const begin = lineEnd + 2;
      if (size === 0) return this.#readTrailers(bytes, at, begin);
      if (this.#size + size > this.#mostBytes) throw new Error(`the answer is larger than ${this.#mostBytes} bytes`);
      if (bytes.length < begin + size + 2) return this.#holdFrom(bytes, at, size + LONGEST_CHUNK_LINE);
      this.#keep(bytes, begin, begin + size);
      at = begin + size + 2;
    }
  }

  /** Lines behind the last chunk are of no use here. */
  #readTrailers(bytes: Buffer, chunk: number, from: number): RawResponse | undefined {
    const end = bytes.indexOf(LINE_END, from) === from ? from + 2 : bytes.indexOf(BLANK_LINE, from) + 4;
    if (end < from + 2) return this.#holdFrom(bytes, chunk, LONGEST_HEAD);
    return this.#finish(end < bytes.length);
  }

  #holdFrom(bytes: Buffer, at: number, most = LONGEST_HEAD): undefined {
    if (bytes.length - at > most) throw new Error('the answer is no HTTP/1.1');
    this.#held = Buffer.from(bytes.subarray(at));
  }

  #keep(bytes: Buffer, from: number, to: number): void {
    this.#size += to - from;
    if (this.#size > this.#mostBytes) throw new Error(`the answer is larger than ${this.#mostBytes} bytes`);
    if (to > from) this.#parts.push(new Uint8Array(bytes.subarray(from, to)));
  }

  #finish(isFollowed = false): RawResponse {
    const { close, contentType, length, chunked } = this.#framing!;
    const body = this.#parts.length === 1 ? this.#parts[0]! : joined(this.#parts, this.#size);
    const response = { status: this.#status, head: this.#head!, contentType, body, reusable: !close && !isFollowed && (chunked || length !== undefined) };
    this.#head = this.#framing = undefined;
    this.#parts = [];
    this.#size = 0;
    return response;
  }
}

/** Whole bytes in memory of their own: what a message holds of them must not belong to others. */
export function joined(parts: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Looks only at the lines that say how long the body is and what becomes of the connection. */
function framingOf(head: string): Framing {
  const framing: Framing = { length: undefined, chunked: false, close: false, contentType: '' };
  for (let at = head.indexOf('\r\n') + 2; at < head.length; ) {
    const end = head.indexOf('\r\n', at);
    const colon = head.indexOf(':', at);
    if (colon < 0 || colon > end) throw new Error('a header of the answer has no name');
    note(framing, head, at, colon, end);
    at = end + 2;
  }
  return framing;
}

function note(framing: Framing, head: string, at: number, colon: number, end: number): void {
  const length = colon - at;
  if (length !== 10 && length !== 12 && length !== 14 && length !== 17) return;
  const name = head.slice(at, colon).toLowerCase();
  const value = head.slice(colon + 1, end).trim();
  if (name === 'content-type') framing.contentType = value;
  else if (name === 'content-length') framing.length = lengthOf(value, framing.length);
  else if (name === 'transfer-encoding') framing.chunked = chunkedAlone(value);
  else if (name === 'connection') framing.close = /\bclose\b/i.test(value);
}

function lengthOf(text: string, known: number | undefined): number {
  const length = Number(text);
  if (!/^\d{1,15}$/.test(text) || (known !== undefined && known !== length)) throw new Error('the length of the answer is not valid');
  return length;
}

function chunkedAlone(text: string): boolean {
  if (text.toLowerCase() !== 'chunked') throw new Error(`the answer is encoded as ${text}`);
  return true;
}

function sizeOfChunk(line: string): number {
  const [digits = ''] = line.split(';', 1);
  if (!/^[\da-f]{1,8}$/i.test(digits.trim())) throw new Error('a chunk of the answer has no length');
  return Number.parseInt(digits, 16);
}

/** The headers in the lines of a head, in pairs; names in lower case. */
export function* headersIn(head: string): Generator<[name: string, value: string]> {
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    if (colon > 0) yield [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
  }
}
