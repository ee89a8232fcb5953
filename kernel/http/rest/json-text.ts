import { fromJsonString, type JsonValue } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import { httpErrors } from '../http-errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Parses JSON that came from outside: valid UTF-8, no key twice, no NUL. Throws `kernel.MALFORMED_BODY`. */
export function parseJson(bytes: Uint8Array): JsonValue {
  const malformed = (problem: string) => httpErrors.MALFORMED_BODY({ problem });
  let text: string;
  let value: JsonValue;
  try {
    text = textOf(bytes);
  } catch {
    throw malformed('it is not UTF-8');
  }
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    throw malformed(lowerFirst((error as Error).message));
  }
  if (keysIn(text) !== keysOf(value)) throw malformed(`the key "${repeatedKey(text)}" appears twice`);
  if (text.includes('\\u0000') && holdsNul(value)) throw malformed('a text holds the character U+0000, which cannot be stored');
  return value;
}

/** Node's own conversion is faster; it puts U+FFFD for bytes that are no UTF-8, and keeps a byte-order mark. */
function textOf(bytes: Uint8Array): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
  return text.includes('\ufffd') || text.startsWith('\ufeff') ? utf8.decode(bytes) : text;
}

/** How many keys the text of JSON holds: strings that a colon follows. JSON.parse keeps the last of two equal keys in silence. */
function keysIn(text: string): number {
  let keys = 0;
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) !== quote) continue;
    at = text.indexOf('"', at + 1);
    while (text.charCodeAt(at - 1) === backslash && isEscaped(text, at)) at = text.indexOf('"', at + 1);
    let after = at + 1;
    while (text.charCodeAt(after) <= space) after++;
    if (text.charCodeAt(after) === colon) keys++;
  }
  return keys;
}

const [space, quote, colon, backslash] = [32, 34, 58, 92];

/** Whether an odd number of backslashes stands before the quote. */
function isEscaped(text: string, at: number): boolean {
  let before = at;
  while (text.charCodeAt(before - 1) === backslash) before--;
  return (at - before) % 2 === 1;
}

/** How many keys the parsed value holds. Walks without recursion: the depth of JSON from outside has no bound. */
function keysOf(value: JsonValue): number {
  let keys = 0;
  const open: JsonValue[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    if (Array.isArray(next)) {
      for (const item of next) if (typeof item === 'object') open.push(item);
      continue;
    }
    for (const key in next) {
      keys++;
      if (typeof next[key] === 'object') open.push(next[key]);
    }
  }
  return keys;
}

/** protobuf-es finds the first key that stands twice, whatever the message. */
function repeatedKey(text: string): string | undefined {
  try {
    fromJsonString(EmptySchema, text, { ignoreUnknownFields: true });
  } catch (error) {
    return /duplicate object key "(.*)"$/s.exec((error as Error).message)?.[1];
  }
  return undefined;
}

function holdsNul(value: JsonValue): boolean {
  const open: JsonValue[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next === 'string' && next.includes('\0')) return true;
    if (typeof next === 'object' && next !== null) for (const [key, inner] of Object.entries(next)) open.push(key, inner);
  }
  return false;
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
