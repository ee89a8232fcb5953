import type { DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';

/** What a caller may not say: the protocol and the connection do. */
const reserved = new Set(['connection', 'content-encoding', 'content-length', 'content-type', 'expect', 'host', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'connect-protocol-version', 'connect-timeout-ms', 'accept-encoding']);
const name = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const unfit = /[^\t\x20-\x7e\x80-\xff]/;

export const pathOf = ({ parent, name }: DescMethod): string => `/${parent.typeName}/${name}`;

/** What every request of a method begins with. */
export const headStart = (path: string, host: string): string =>
  `POST ${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/proto\r\nconnect-protocol-version: 1\r\n`;

/** The longest that the protocol can say: ten digits. */
const LONGEST_TIMEOUT = 9_999_999_999;

/** The header that tells how long the caller waits, in whole milliseconds; nothing if that is for ever. */
export const timeoutText = (timeoutMs: number | undefined): string | undefined =>
  timeoutMs === undefined || timeoutMs > LONGEST_TIMEOUT ? undefined : String(Math.max(1, Math.ceil(timeoutMs)));

/** Of each header, the last that was found fit: who calls is said in the same words again and again. */
const fit = new Map<string, string>();

/** Throws `invalid_argument` for a header that would not be one line. */
export function requireFit(headers: Readonly<Record<string, string>>): void {
  for (const key in headers) {
    const value = headers[key]!;
    if (fit.get(key) !== value && !isFit(key, value)) throw new ConnectError(`the header ${key} holds what no header can`, Code.InvalidArgument);
  }
}

/** The lines of headers that were found fit. */
export function headerLines(headers: Readonly<Record<string, string>>): string {
  let lines = '';
  for (const key in headers) lines += `${key}: ${headers[key]!}\r\n`;
  return lines;
}

function isFit(key: string, value: string): boolean {
  if (unfit.test(value)) return false;
  if (value.length > LONG && (fit.has(key) || fit.size < MOST_KEYS)) fit.set(key, value);
  return true;
}

/** Below this it is looked through as fast. */
const LONG = 100;
const MOST_KEYS = 20;

/** Adds what the caller gave to `headers`, but not what only the protocol says. */
export function addGiven(headers: Record<string, string>, given: ConstructorParameters<typeof Headers>[0] | undefined): void {
  if (!given) return;
  const standard = given instanceof Headers ? given : new Headers(given as never);
  standard.forEach((value, key) => {
    if (!reserved.has(key) && name.test(key)) headers[key] = value;
  });
}
