import pg from 'pg';

const BOOL = 16;
const INT8 = 20;
const INT2 = 21;
const INT4 = 23;
const TEXT = 25;
const DATE = 1082;
const TIMESTAMPTZ = 1184;
const UUID = 2950;
const TEXT_ARRAY = 1009;

type Parse = (text: string) => unknown;

/** How values arrive: `bigint` as a number, or an error where it would lose digits; a `date` as text, since it has no time zone. */
export function parserOf(oid: number): Parse {
  return own[oid] ?? (pg.types.getTypeParser(oid, 'text') as Parse);
}

const own: Record<number, Parse> = {
  [BOOL]: (text) => text === 't',
  [INT2]: Number,
  [INT4]: Number,
  [INT8]: safeInteger,
  [TEXT]: String,
  [UUID]: String,
  [DATE]: String,
  [TIMESTAMPTZ]: time,
  [TEXT_ARRAY]: textArray,
};

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`${text} does not fit into a number: select it as text`);
  return value;
}

const anyTime = pg.types.getTypeParser(TIMESTAMPTZ, 'text') as Parse;

/** `2026-05-17 12:00:00.123+00`, as a session in UTC writes times of our era; others are left to the library. */
function time(text: string): unknown {
  const { length } = text;
  if (length < 22 || length > 29 || text.charCodeAt(10) !== 32 || text.charCodeAt(length - 3) !== 43 || text.charCodeAt(length - 2) !== 48 || text.charCodeAt(length - 1) !== 48) return anyTime(text);
  const midnight = Date.UTC(digits(text, 0, 4), digits(text, 5, 7) - 1, digits(text, 8, 10));
  if (Number.isNaN(midnight) || digits(text, 0, 4) < 100) return anyTime(text);
  const seconds = (digits(text, 11, 13) * 60 + digits(text, 14, 16)) * 60 + digits(text, 17, 19);
  return new Date(midnight + seconds * 1000 + (length === 22 ? 0 : milliseconds(text, length - 3)));
}

/** Whole milliseconds, as a Date has them, of the digits behind the point. */
function milliseconds(text: string, end: number): number {
  const given = Math.min(3, end - 20);
  const value = digits(text, 20, 20 + given);
  return given === 3 ? value : given === 2 ? value * 10 : value * 100;
}

function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) value = value * 10 + text.charCodeAt(at) - 48;
  return value;
}

const anyArray = pg.types.getTypeParser(TEXT_ARRAY as never, 'text') as Parse;

/** `{one,"two words"}`; what holds quotes, backslashes or absent items inside is left to the library. */
function textArray(text: string): unknown {
  if (text === '{}') return [];
  if (!simple.test(text)) return anyArray(text);
  return (text.match(item) ?? []).map((one) => (one.startsWith('"') ? one.slice(1, -1) : one));
}

const simple = /^\{(?:"[^"\\]*"|(?!NULL[,}])[^"\\{},\s]+)(?:,(?:"[^"\\]*"|(?!NULL[,}])[^"\\{},\s]+))*\}$/;
const item = /"[^"\\]*"|[^",{}]+/g;
