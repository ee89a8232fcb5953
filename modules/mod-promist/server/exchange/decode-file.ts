import { isUtf8 } from 'node:buffer';
import { errors } from '../../errors.ts';

const newline = 10;
const carriageReturn = 13;

/** The text of a file in UTF-8, or in UTF-16 with its byte order mark. Throws `NOT_TEXT`, with the line, for any other. */
export function decodeFile(content: Uint8Array): string {
  if (content[0] === 0xff && content[1] === 0xfe) return decoded(content, 'utf-16le');
  if (content[0] === 0xfe && content[1] === 0xff) return decoded(content, 'utf-16be');
  return decoded(isUtf8(content) ? content : withWholeCharacters(content), 'utf-8');
}

function decoded(content: Uint8Array, encoding: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(content);
  } catch {
    throw errors.NOT_TEXT({ line: firstBrokenLine(content) });
  }
}

/**
 * Some programs fold the lines of iCalendar after 75 bytes (RFC 5545, 3.1), in the middle of a character too: its
 * later bytes are moved in front of the fold. Lines keep their numbers.
 */
function withWholeCharacters(content: Uint8Array): Uint8Array {
  const mended = new Uint8Array(content);
  for (let at = mended.indexOf(newline); at >= 0; at = mended.indexOf(newline, at + 1)) {
    const next = at + 2;
    if (mended[at + 1] !== 0x20 && mended[at + 1] !== 0x09) continue;
    let end = next;
    while (end - next < 3 && isContinuation(mended[end])) end += 1;
    if (end === next) continue;
    const moved = mended.slice(next, end);
    const fold = mended[at - 1] === carriageReturn ? at - 1 : at;
    mended.copyWithin(fold + moved.length, fold, next);
    mended.set(moved, fold);
    at += moved.length;
  }
  return mended;
}

const isContinuation = (byte: number | undefined) => byte !== undefined && (byte & 0xc0) === 0x80;

function firstBrokenLine(content: Uint8Array): number {
  for (let line = 1, start = 0; ; line++) {
    const found = content.indexOf(newline, start);
    const end = found < 0 ? content.length : found;
    if (found < 0 || !isUtf8(content.subarray(start, end))) return line;
    start = end + 1;
  }
}
