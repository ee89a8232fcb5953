import { WireType } from '@bufbuild/protobuf/wire';
import type { JsonObject, JsonValue, UnknownField } from '@bufbuild/protobuf';
import type { ListValue, Struct, Value } from '@bufbuild/protobuf/wkt';
import { setOwn, unexpected } from './copy-value.ts';

/** What compiled readers of bytes call. Each throws for anything unusual: then the library reads the message instead. */

/** Bytes, and how far they are read. */
export interface Input {
  bytes: Uint8Array;
  at: number;
  /** All bytes as characters, made for the first text: taking many parts of one text costs less than making many. */
  latin?: string;
}

/** Longer bytes are not held as a text of which a part is wanted. */
const longest = 4096;

/** A varint of 32 bits; of a longer one the low bits count. */
export function varint(input: Input): number {
  const { bytes } = input;
  let at = input.at;
  let byte = bytes[at++]!;
  let value = byte & 127;
  for (let shift = 7; byte > 127; shift += 7) {
    if (shift > 63) unexpected();
    byte = bytes[at++]!;
    if (shift < 32) value |= (byte & 127) << shift;
  }
  input.at = at;
  return value >>> 0;
}

/** A field's number and wire type, in more than one byte. */
export function tag(input: Input): number {
  const from = input.at;
  const value = varint(input);
  const length = input.at - from;
  if (length > 5 || (length === 5 && input.bytes[input.at - 1]! > 15)) unexpected();
  return value;
}

const halves = new Int32Array(2);
const octets = new Uint8Array(halves.buffer);
const signed = new BigInt64Array(halves.buffer);
const unsigned = new BigUint64Array(halves.buffer);
const float64 = new Float64Array(halves.buffer);
const float32 = new Float32Array(halves.buffer);
const small = Array.from({ length: 128 }, (_, value) => BigInt(value));

export function int64(input: Input): bigint {
  const byte = input.bytes[input.at]!;
  if (byte < 128) return small[(input.at++, byte)]!;
  varint64(input);
  return signed[0]!;
}

export function uint64(input: Input): bigint {
  const byte = input.bytes[input.at]!;
  if (byte < 128) return small[(input.at++, byte)]!;
  varint64(input);
  return unsigned[0]!;
}

export function sint64(input: Input): bigint {
  varint64(input);
  const [low, high] = [halves[0]!, halves[1]!];
  const sign = -(low & 1);
  halves[0] = ((low >>> 1) | ((high & 1) << 31)) ^ sign;
  halves[1] = (high >>> 1) ^ sign;
  return signed[0]!;
}

/** Leaves the 64 bits in `halves`. */
function varint64(input: Input): void {
  const { bytes } = input;
  let [at, low, high] = [input.at, 0, 0];
  for (let shift = 0; ; shift += 7) {
    if (shift > 63) unexpected();
    const byte = bytes[at++]!;
    const bits = byte & 127;
    if (shift < 28) low |= bits << shift;
    else if (shift === 28) [low, high] = [low | (bits << 28), bits >> 4];
    else high |= bits << (shift - 32);
    if (!(byte > 127)) break;
  }
  input.at = at;
  halves[0] = low;
  halves[1] = high;
}

/** The 8 bytes before `at`, or 4. What lies beyond the bytes reads as zero; the caller checks the end. */
function fixed(input: Input, size: 4 | 8): void {
  for (let index = 0; index < size; index++) octets[index] = input.bytes[input.at++]!;
}

export function fixed64(input: Input): bigint {
  fixed(input, 8);
  return unsigned[0]!;
}

export function sfixed64(input: Input): bigint {
  fixed(input, 8);
  return signed[0]!;
}

export function fixed32(input: Input): number {
  fixed(input, 4);
  return halves[0]! >>> 0;
}

export function sfixed32(input: Input): number {
  fixed(input, 4);
  return halves[0]!;
}

export function double(input: Input): number {
  fixed(input, 8);
  return float64[0]!;
}

export function float(input: Input): number {
  fixed(input, 4);
  return float32[0]!;
}

type Slice = (this: Uint8Array, from: number, to: number) => string;
const { utf8Slice, latin1Slice } = Buffer.prototype as unknown as { utf8Slice: Slice; latin1Slice: Slice };

/** Text in UTF-8. The replacement character stands for invalid bytes, or for itself: the library tells them apart. */
export function text(input: Input, from: number, to: number): string {
  const { bytes } = input;
  if (to - from <= short && bytes.length <= longest && isAscii(bytes, from, to)) return (input.latin ??= latin1Slice.call(bytes, 0, bytes.length)).slice(from, to);
  const value = utf8Slice.call(bytes, from, to);
  return value.includes('\ufffd') ? unexpected() : value;
}

/** Looking at each byte of a longer text costs more than making it. */
const short = 80;

function isAscii(bytes: Uint8Array, from: number, to: number): boolean {
  let all = 0;
  for (let at = from; at < to; at++) all |= bytes[at]!;
  return all < 128;
}

/** Keeps a field that the contract does not know, as the library does. */
export function unknown(message: { $unknown?: UnknownField[] }, input: Input, fieldTag: number, end: number): void {
  const from = input.at;
  const [no, wireType] = [fieldTag >>> 3, (fieldTag & 7) as WireType];
  if (no === 0) unexpected();
  if (wireType === WireType.Varint) while (input.bytes[input.at++]! > 127);
  else if (wireType === WireType.Bit64) input.at += 8;
  else if (wireType === WireType.Bit32) input.at += 4;
  else if (wireType === WireType.LengthDelimited) input.at = varint(input) + input.at;
  else unexpected();
  if (input.at > end) unexpected();
  (message.$unknown ??= []).push({ no, wireType, data: input.bytes.subarray(from, input.at) });
}

/** The plain JSON object that a struct is in a field. */
export function structJson({ fields }: Struct): JsonObject {
  const json: JsonObject = {};
  for (const name of Object.keys(fields)) setOwn(json, name, valueJson(fields[name]!));
  return json;
}

function valueJson({ kind }: Value): JsonValue {
  switch (kind.case) {
    case 'structValue': return structJson(kind.value);
    case 'listValue': return (kind.value as ListValue).values.map(valueJson);
    case 'nullValue': case undefined: return null;
    default: return kind.value;
  }
}
