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
// What Node's own parser refuses too: bytes that no header holds.
const unfit = /[\0-\x08\x0a-\x1f\x7f]/;
/** Longer ones are left to Node, which refuses them. */
const LONGEST_HEAD = 32 * 1024;

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
  const [first, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
  const path = requestLine.exec(first!)?.[1];
  const headers = path === undefined ? undefined : headersOf(lines);
  if (!headers || headers['content-type'] !== 'application/proto' || elaborate.some((name) => name in headers)) return 'other';
  const length = headers['content-length'] ?? '';
  return /^\d{1,15}$/.test(length) && headers.host !== undefined ? { path: path!, headers, length: Number(length), end: end + BLANK_LINE.length } : 'other';
}

/** Nothing for headers that come twice, or that are not clean. */
function headersOf(lines: readonly string[]): Record<string, string> | undefined {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (colon < 1 || name in headers || !token.test(name) || unfit.test(value)) return undefined;
    headers[name] = value;
  }
  return headers;
}
