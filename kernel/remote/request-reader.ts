import { peerHeaderBytes } from '../http/header-bytes.ts';

/** The head of a request that the lean path answers. */
export interface LeanHead {
  /** Such as `mainstay.promist.v1.PromisesService/GetPromise`. */
  path: string;
  headers: Record<string, string>;
  /** Of the body, in bytes. */
  length: number;
  /** Where the body begins. */
  end: number;
}

const BLANK_LINE = Buffer.from('\r\n\r\n');
const START = Buffer.from('POST /');
const requestLine = /^POST \/([\w.]+\/\w+) HTTP\/1\.1$/;
const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
// What Node's own parser refuses too: bytes that no header holds, and half a line end.
const unfit = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n/;
/** Longer ones are left to Node, which refuses them. */
const LONGEST_HEAD = peerHeaderBytes;

/** What makes a request one for the library. */
const elaborate = ['transfer-encoding', 'content-encoding', 'expect', 'upgrade', 'connection', 'trailer', 'te'];

/**
 * Reads the head of a unary call in Connect's binary form over HTTP/1.1, as the peers of this process send it. Gives `more` while it
 * is not whole, and `other` for whatever else it is, which is left to those who read all of HTTP.
 */
export function readLeanHead(bytes: Buffer): LeanHead | 'more' | 'other' {
  const known = Math.min(bytes.length, START.length);
  if (bytes.compare(START, 0, known, 0, known) !== 0) return 'other';
  const end = bytes.indexOf(BLANK_LINE);
  if (end < 0) return bytes.length > LONGEST_HEAD ? 'other' : 'more';
  if (end > LONGEST_HEAD) return 'other';
  const text = bytes.toString('latin1', 0, end + 2);
  const firstEnd = text.indexOf('\r\n');
  const path = requestLine.exec(text.slice(0, firstEnd))?.[1];
  const headers = path === undefined || unfit.test(text) ? undefined : headersOf(text, firstEnd + 2);
  if (!headers || headers['content-type'] !== 'application/proto' || elaborate.some((name) => headers[name] !== undefined)) return 'other';
  const length = headers['content-length'] ?? '';
  return /^\d{1,15}$/.test(length) && headers.host !== undefined ? { path: path!, headers, length: Number(length), end: end + BLANK_LINE.length } : 'other';
}

/** Names as they were written, in lower case: all that come are the same few. */
const names = new Map<string, string>();
const MOST_NAMES = 200;

/** Nothing for headers that come twice, or that are not clean. */
function headersOf(text: string, from: number): Record<string, string> | undefined {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let at = from; at < text.length; ) {
    const end = text.indexOf('\r\n', at);
    const colon = text.indexOf(':', at);
    if (colon < 0 || colon > end) return undefined;
    const name = nameOf(text.slice(at, colon));
    if (name === undefined || headers[name] !== undefined) return undefined;
    headers[name] = text.slice(colon + 1, end).trim();
    at = end + 2;
  }
  return headers;
}

function nameOf(written: string): string | undefined {
  const known = names.get(written);
  if (known !== undefined) return known;
  const name = written.toLowerCase();
  if (!token.test(name)) return undefined;
  if (names.size < MOST_NAMES) names.set(written, name);
  return name;
}
