import { fromJson, type DescMessage, type JsonObject, type JsonValue } from '@bufbuild/protobuf';
import { setOwn, unexpected } from './copy-value.ts';

/** What compiled readers of ProtoJSON call. Each throws for anything unusual: then the library reads the message instead. */

export const string = (value: JsonValue): string => (typeof value === 'string' && value.isWellFormed() ? value : unexpected());

export const flag = (value: JsonValue): boolean => (typeof value === 'boolean' ? value : unexpected());

const digits = /^-?\d{1,9}$/;

/** Also written as a string, as in a query. */
const fromText = (value: JsonValue): JsonValue => (typeof value === 'string' && digits.test(value) ? Number(value) : value);

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

/** A whole well-known type with rules of its own, which holds no message of another type. */
export const byLibrary = (desc: DescMessage, value: JsonValue): object => fromJson(desc, value);

const time = /^(\d{4}-\d\d-\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d)(?:\.(\d{1,9}))?Z$/;
/** When a day begins, in seconds since the epoch. */
const days = new Map<string, number>();

function startOf(day: string): number {
  let seconds = days.get(day);
  if (seconds === undefined) {
    seconds = Date.parse(`${day}T00:00:00Z`) / 1000;
    if (days.size >= 1000) days.clear();
    days.set(day, seconds);
  }
  return seconds;
}

export function timestamp(value: JsonValue): object {
  const match = typeof value === 'string' ? time.exec(value) : null;
  if (!match) unexpected();
  const seconds = startOf(match[1]!) + Number(match[2]) * 3600 + Number(match[3]) * 60 + Number(match[4]);
  if (!(seconds >= -62_135_596_800)) unexpected();
  return { $typeName: 'google.protobuf.Timestamp', seconds: BigInt(seconds), nanos: match[5] === undefined ? 0 : Number(match[5].padEnd(9, '0')) };
}
