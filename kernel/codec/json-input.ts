import { fromJson, type DescMessage, type JsonObject, type JsonValue } from '@bufbuild/protobuf';
import { DurationSchema } from '@bufbuild/protobuf/wkt';
import { setOwn, unexpected } from './copy-value.ts';
import { isDay, isDuration } from './possible-time.ts';

/** What compiled readers of ProtoJSON call. Each throws for anything unusual: then the library reads the message instead. */

export const string = (value: JsonValue): string => (typeof value === 'string' && value.isWellFormed() ? value : unexpected());

export const flag = (value: JsonValue): boolean => (typeof value === 'boolean' ? value : unexpected());

const shortDigits = /^-?\d{1,9}$/;

/** Also written as a string, as in a query. */
const fromText = (value: JsonValue): JsonValue => (typeof value === 'string' && shortDigits.test(value) ? Number(value) : value);

export function int32(value: JsonValue): number {
  const number = fromText(value) as number;
  return (number | 0) === number ? number : unexpected();
}

export function uint32(value: JsonValue): number {
  const number = fromText(value) as number;
  return (number >>> 0) === number ? number : unexpected();
}

const longDigits = /^-?\d{1,18}$/;

export function int64(value: JsonValue): bigint {
  if (typeof value === 'string' && longDigits.test(value)) return BigInt(value);
  return Number.isSafeInteger(value) ? BigInt(value as number) : unexpected();
}

export function uint64(value: JsonValue): bigint {
  const long = int64(value);
  return long >= 0n ? long : unexpected();
}

export function double(value: JsonValue): number {
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  switch (value) {
    case 'NaN': return NaN;
    case 'Infinity': return Infinity;
    case '-Infinity': return -Infinity;
    default: return unexpected();
  }
}

export function float(value: JsonValue): number {
  const number = double(value);
  return Number.isFinite(Math.fround(number)) || !Number.isFinite(number) ? number : unexpected();
}

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** Standard base64 with its padding; other spellings are the library's. */
export function bytes(value: JsonValue): Uint8Array {
  if (typeof value !== 'string' || value.length % 4 !== 0 || !base64.test(value)) unexpected();
  return new Uint8Array(Buffer.from(value, 'base64'));
}

export function list(value: JsonValue): JsonValue[] {
  return Array.isArray(value) ? value : unexpected();
}

export function object(value: JsonValue): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : unexpected();
}

/** Depth as the library counts it: each value is a message. */
function deeper(depth: number): number {
  return depth >= 100 ? unexpected() : depth + 1;
}

/** Plain JSON of its own, as a struct in a field is; `depth` is that of the struct. */
export function structJson(value: JsonValue, depth: number): JsonObject {
  const copy: JsonObject = {};
  for (const [name, item] of Object.entries(object(value))) setOwn(copy, name, valueJson(item, deeper(depth)));
  return copy;
}

function valueJson(value: JsonValue, depth: number): JsonValue {
  if (value === undefined) unexpected();
  if (typeof value !== 'object' || value === null) return value;
  return Array.isArray(value) ? value.map((item) => valueJson(item, deeper(depth))) : structJson(value, depth);
}

/** A span of time, of which the library looks at the beginning only. */
export const duration = (value: JsonValue): object => (typeof value === 'string' && isDuration(value) ? fromJson(DurationSchema, value) : unexpected());

/** A whole well-known type with rules of its own, which holds no message of another type. */
export const byLibrary = (desc: DescMessage, value: JsonValue): object => fromJson(desc, value);

/** When a day begins, in seconds since the epoch, by the day as a number such as 20260331. */
const days = new Map<number, number>();

function startOf(text: string): number {
  const [year, month, dayOfMonth] = [digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10)];
  const day = year * 10_000 + month * 100 + dayOfMonth;
  let seconds = days.get(day);
  if (seconds === undefined) {
    if (!isDay(year, month, dayOfMonth)) unexpected();
    seconds = Date.parse(`${text.slice(0, 10)}T00:00:00Z`) / 1000;
    if (days.size >= 1000) days.clear();
    days.set(day, seconds);
  }
  return seconds;
}

function digits(text: string, from: number, to: number): number {
  let value = 0;
  for (let at = from; at < to; at++) {
    const digit = text.charCodeAt(at) - zero;
    if (!(digit >= 0 && digit <= 9)) unexpected();
    value = value * 10 + digit;
  }
  return value;
}

const [zero, dash, dot, colon, letterT, letterZ] = [...'0-.:TZ'].map((letter) => letter.charCodeAt(0)) as [number, number, number, number, number, number];

/** A time in UTC, as every program writes it; other zones are the library's. */
export function timestamp(value: JsonValue): object {
  if (typeof value !== 'string' || value.length < 20 || value.length > 30) unexpected();
  const code = (at: number) => value.charCodeAt(at);
  const end = value.length - 1;
  if (code(4) !== dash || code(7) !== dash || code(10) !== letterT || code(13) !== colon || code(16) !== colon || code(end) !== letterZ) unexpected();
  const [hour, minute, second] = [digits(value, 11, 13), digits(value, 14, 16), digits(value, 17, 19)];
  const seconds = startOf(value) + hour * 3600 + minute * 60 + second;
  if (hour > 23 || minute > 59 || second > 59 || !(seconds >= -62_135_596_800)) unexpected();
  if (end > 19 && (code(19) !== dot || end === 20)) unexpected();
  const nanos = end > 19 ? digits(value, 20, end) * 10 ** (29 - end) : 0;
  return { $typeName: 'google.protobuf.Timestamp', seconds: BigInt(seconds), nanos };
}
