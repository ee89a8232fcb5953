import type { JsonObject, JsonValue, UnknownField } from '@bufbuild/protobuf';
import { setOwn, unexpected } from './copy-value.ts';

/** What compiled writers of bytes call. Each takes where to write and gives where it stopped; it throws for anything unusual. */

/** Room for one message at a time, kept from call to call; `bytes` is another object once it has grown. */
export const output = { bytes: Buffer.allocUnsafeSlow(16 * 1024) };

/** More than this is given back after the message that needed it. */
const kept = 1024 * 1024;

/** Makes room for bytes up to `end`. */
export function grow(end: number): void {
  const larger = Buffer.allocUnsafeSlow(Math.max(end, output.bytes.length * 2));
  larger.set(output.bytes);
  output.bytes = larger;
}

/** The bytes up to `end`, in memory of their own. */
export function finished(end: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(end);
  bytes.set(output.bytes.subarray(0, end));
  if (output.bytes.length > kept) output.bytes = Buffer.allocUnsafeSlow(16 * 1024);
  return bytes;
}

export function varint(at: number, value: number): number {
  const { bytes } = output;
  while (value > 127) {
    bytes[at++] = (value & 127) | 128;
    value >>>= 7;
  }
  bytes[at++] = value;
  return at;
}

export function int32(at: number, value: number): number {
  if ((value | 0) !== value) unexpected();
  return value >= 0 ? varint(at, value) : varint64(at, value, -1);
}

export function uint32(at: number, value: number): number {
  return (value >>> 0) === value ? varint(at, value) : unexpected();
}

export function sint32(at: number, value: number): number {
  return (value | 0) === value ? varint(at, ((value << 1) ^ (value >> 31)) >>> 0) : unexpected();
}

const halves = new Int32Array(2);
const octets = new Uint8Array(halves.buffer);
const signed = new BigInt64Array(halves.buffer);
const unsigned = new BigUint64Array(halves.buffer);
const float64 = new Float64Array(halves.buffer);
const float32 = new Float32Array(halves.buffer);

/** Puts a 64-bit integer into `halves`. */
function split(value: bigint, kind: BigInt64Array | BigUint64Array): void {
  kind[0] = value;
  if (kind[0] !== value) unexpected();
}

function varint64(at: number, low: number, high: number): number {
  const { bytes } = output;
  while (high !== 0 || low >>> 0 > 127) {
    bytes[at++] = (low & 127) | 128;
    low = (low >>> 7) | (high << 25);
    high >>>= 7;
  }
  bytes[at++] = low;
  return at;
}

export function int64(at: number, value: bigint): number {
  split(value, signed);
  return varint64(at, halves[0]!, halves[1]!);
}

export function uint64(at: number, value: bigint): number {
  split(value, unsigned);
  return varint64(at, halves[0]!, halves[1]!);
}

export function sint64(at: number, value: bigint): number {
  split(value, signed);
  const [low, high] = [halves[0]!, halves[1]!];
  const sign = high >> 31;
  return varint64(at, (low << 1) ^ sign, ((high << 1) | (low >>> 31)) ^ sign);
}

function fixed(at: number, size: 4 | 8): number {
  for (let index = 0; index < size; index++) output.bytes[at + index] = octets[index]!;
  return at + size;
}

export function sfixed64(at: number, value: bigint): number {
  split(value, signed);
  return fixed(at, 8);
}

export function fixed64(at: number, value: bigint): number {
  split(value, unsigned);
  return fixed(at, 8);
}

export function sfixed32(at: number, value: number): number {
  if ((value | 0) !== value) unexpected();
  halves[0] = value;
  return fixed(at, 4);
}

export function fixed32(at: number, value: number): number {
  if ((value >>> 0) !== value) unexpected();
  halves[0] = value;
  return fixed(at, 4);
}

export function double(at: number, value: number): number {
  if (typeof value !== 'number') unexpected();
  float64[0] = value;
  return fixed(at, 8);
}

export function float(at: number, value: number): number {
  if (typeof value !== 'number') unexpected();
  float32[0] = value;
  if (!Number.isFinite(float32[0]) && Number.isFinite(value)) unexpected();
  return fixed(at, 4);
}

export function bool(at: number, value: boolean): number {
  if (typeof value !== 'boolean') unexpected();
  output.bytes[at] = value ? 1 : 0;
  return at + 1;
}

/** A text up to this is written faster letter by letter. */
const short = 48;

/** Length and text in UTF-8. Makes room itself. */
export function text(at: number, value: string): number {
  if (typeof value !== 'string') unexpected();
  const { length } = value;
  if (at + 5 + length * 3 > output.bytes.length) grow(at + 5 + length * 3);
  const { bytes } = output;
  if (length <= short) {
    let index = 0;
    for (; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code > 127) break;
      bytes[at + 1 + index] = code;
    }
    if (index === length) {
      bytes[at] = length;
      return at + 1 + length;
    }
  }
  const guess = sizeOf(length);
  const written = bytes.write(value, at + guess, length * 3, 'utf8');
  return close(at, guess, at + guess + written);
}

/** Length and bytes. Makes room itself. */
export function chunk(at: number, value: Uint8Array): number {
  if (!(value instanceof Uint8Array)) unexpected();
  if (at + 5 + value.length > output.bytes.length) grow(at + 5 + value.length);
  at = varint(at, value.length);
  output.bytes.set(value, at);
  return at + value.length;
}

const sizeOf = (value: number) => (value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5);

/** Writes the length of what follows `at` after `room` bytes and ends at `end`, and moves it if the length takes another room. */
export function close(at: number, room: number, end: number): number {
  const length = end - at - room;
  const size = sizeOf(length);
  if (size !== room) {
    if (end + size > output.bytes.length) grow(end + size);
    output.bytes.copyWithin(at + size, at + room, end);
  }
  varint(at, length);
  return end + size - room;
}

/** Fields of a newer contract than ours pass through. */
export function unknownFields(at: number, fields: readonly UnknownField[]): number {
  for (const { no, wireType, data } of fields) {
    if (at + 5 + data.length > output.bytes.length) grow(at + 5 + data.length);
    at = varint(at, ((no << 3) | wireType) >>> 0);
    output.bytes.set(data, at);
    at += data.length;
  }
  return at;
}

/** The message of a struct that is a plain JSON object in a field. */
export function structMessage(json: JsonObject): object {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) unexpected();
  const fields = {};
  for (const name of Object.keys(json)) setOwn(fields, name, valueMessage(json[name]));
  return { $typeName: 'google.protobuf.Struct', fields };
}

function valueMessage(json: JsonValue | undefined): object {
  return { $typeName: 'google.protobuf.Value', kind: kindOf(json) };
}

function kindOf(json: JsonValue | undefined): object {
  switch (typeof json) {
    case 'number': return { case: 'numberValue', value: json };
    case 'string': return { case: 'stringValue', value: json };
    case 'boolean': return { case: 'boolValue', value: json };
    case 'object':
      if (json === null) return { case: 'nullValue', value: 0 };
      if (Array.isArray(json)) return { case: 'listValue', value: { $typeName: 'google.protobuf.ListValue', values: json.map(valueMessage) } };
      return { case: 'structValue', value: structMessage(json) };
    default: return unexpected();
  }
}
