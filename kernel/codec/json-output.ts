import { toJson, type DescMessage, type JsonValue, type JsonWriteOptions } from '@bufbuild/protobuf';
import type { Timestamp } from '@bufbuild/protobuf/wkt';
import { unexpected } from './copy-value.ts';

/** What compiled writers of ProtoJSON text call. Each throws for anything unusual: then the library writes the message instead. */

/** Looking at each letter of a longer text costs more than what Node does with all of it. */
const short = 48;

export function quoted(value: string): string {
  if (typeof value !== 'string') unexpected();
  return value.length <= short && isPlain(value) ? `"${value}"` : JSON.stringify(value);
}

/** Whether a text holds no control characters, quotes, backslashes, and nothing that may be half a character. */
function isPlain(value: string): boolean {
  for (let index = 0; index < value.length; index++) {
    const code = value.charCodeAt(index);
    if (code < 32 || code === 34 || code === 92 || code > 126) return false;
  }
  return true;
}

export function number(value: number): string {
  if (typeof value !== 'number') unexpected();
  if (Number.isFinite(value)) return `${value}`;
  return value > 0 ? '"Infinity"' : value < 0 ? '"-Infinity"' : '"NaN"';
}

export const integer = (value: number): string => (Number.isInteger(value) ? `${value}` : unexpected());

export const long = (value: bigint): string => (typeof value === 'bigint' ? `"${value}"` : unexpected());

export const base64 = (value: Uint8Array): string => (value instanceof Uint8Array ? `"${Buffer.from(value.buffer, value.byteOffset, value.length).toString('base64')}"` : unexpected());

export const flag = (value: boolean): string => (value === true ? 'true' : value === false ? 'false' : unexpected());

/** Plain JSON, as a struct in a field is. */
export function jsonText(value: JsonValue): string {
  if (value === null) return 'null';
  switch (typeof value) {
    case 'string': return quoted(value);
    case 'number': return Number.isFinite(value) ? `${value}` : unexpected();
    case 'boolean': return value ? 'true' : 'false';
    case 'object': break;
    default: unexpected();
  }
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  return `{${Object.keys(value).map((key) => `${quoted(key)}:${jsonText(value[key]!)}`).join(',')}}`;
}

const secondsOfDay = 86_400;
const firstSecond = -62_135_596_800;
const lastSecond = 253_402_300_799;
/** Days since the epoch, as text: most times of an answer fall on few days. */
const days = new Map<number, string>();

function dayText(day: number): string {
  let text = days.get(day);
  if (text === undefined) {
    if (days.size >= 1000) days.clear();
    days.set(day, (text = new Date(day * secondsOfDay * 1000).toISOString().slice(0, 11)));
  }
  return text;
}

const two = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, '0'));

export function timestamp({ seconds: long, nanos }: Timestamp): string {
  const seconds = Number(long);
  if (!(seconds >= firstSecond && seconds <= lastSecond && Number.isInteger(nanos) && nanos >= 0 && nanos < 1e9)) unexpected();
  const day = Math.floor(seconds / secondsOfDay);
  const rest = seconds - day * secondsOfDay;
  const hour = Math.floor(rest / 3600);
  const minute = Math.floor(rest / 60) - hour * 60;
  return `"${dayText(day)}${two[hour]}:${two[minute]}:${two[rest % 60]}${fraction(nanos)}`;
}

const milliseconds = Array.from({ length: 1000 }, (_, value) => `.${String(value).padStart(3, '0')}Z"`);

/** Three, six or nine digits, and the end of the text. */
function fraction(nanos: number): string {
  if (nanos === 0) return 'Z"';
  if (nanos % 1_000_000 === 0) return milliseconds[nanos / 1_000_000]!;
  return nanos % 1000 === 0 ? `.${String(nanos / 1000).padStart(6, '0')}Z"` : `.${String(nanos).padStart(9, '0')}Z"`;
}

/** Well-known types with rules of their own, which the library knows. */
export const byLibrary = (desc: DescMessage, value: never, options: Partial<JsonWriteOptions>): string => JSON.stringify(toJson(desc, value, options));
