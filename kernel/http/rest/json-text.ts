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
    text = utf8.decode(bytes);
  } catch {
    throw malformed('it is not UTF-8');
  }
  try {
    value = JSON.parse(text) as JsonValue;
  } catch (error) {
    throw malformed(lowerFirst((error as Error).message));
  }
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw malformed(`the key "${repeated}" appears twice`);
  if (text.includes('\\u0000') && holdsNul(value)) throw malformed('a text holds the character U+0000, which cannot be stored');
  return value;
}

/** JSON.parse keeps the last of two equal keys in silence; protobuf-es looks for them, whatever the message. */
function repeatedKey(text: string): string | undefined {
  try {
    fromJsonString(EmptySchema, text, { ignoreUnknownFields: true });
  } catch (error) {
    return /duplicate object key "(.*)"$/s.exec((error as Error).message)?.[1];
  }
  return undefined;
}

/** Walks without recursion: the depth of JSON from outside has no bound. */
function holdsNul(value: JsonValue): boolean {
  const open: JsonValue[] = [value];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next === 'string' && next.includes('\0')) return true;
    if (typeof next === 'object' && next !== null) for (const [key, inner] of Object.entries(next)) open.push(key, inner);
  }
  return false;
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
