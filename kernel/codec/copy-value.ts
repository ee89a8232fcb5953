import type { JsonObject, JsonValue, UnknownField } from '@bufbuild/protobuf';

/** What compiled copy functions call for values that take more than an expression. */

export function unexpected(): never {
  throw new TypeError('not a value of the field');
}

/** Has nothing to share or to change, so every message may hold it. */
const noBytes = new Uint8Array(0);

/** Always a plain `Uint8Array` of its own memory, also of a `Buffer`, whose `slice` would share it. */
export function bytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) unexpected();
  return value.length === 0 ? noBytes : new Uint8Array(value);
}

/** Rounded as in the 32 bits of a wire. */
export function float(value: unknown): number {
  if (typeof value !== 'number') unexpected();
  const rounded = Math.fround(value);
  return Number.isFinite(rounded) || !Number.isFinite(value) ? rounded : unexpected();
}

export function int64(value: unknown): bigint {
  return typeof value === 'bigint' && BigInt.asIntN(64, value) === value ? value : unexpected();
}

export function uint64(value: unknown): bigint {
  return typeof value === 'bigint' && BigInt.asUintN(64, value) === value ? value : unexpected();
}

/** A `google.protobuf.Struct` in a field is a plain JSON object. */
export function json(value: unknown): JsonObject {
  return isPlain(value) ? jsonObject(value) : unexpected();
}

function jsonObject(value: object): JsonObject {
  const copy: JsonObject = {};
  for (const [name, item] of Object.entries(value)) setOwn(copy, name, jsonValue(item));
  return copy;
}

function jsonValue(value: unknown): JsonValue {
  if (value === null || typeof value === 'boolean' || typeof value === 'number') return value;
  if (typeof value === 'string') return value.isWellFormed() ? value : unexpected();
  if (Array.isArray(value)) return value.map(jsonValue);
  return isPlain(value) ? jsonObject(value) : unexpected();
}

const isPlain = (value: unknown): value is object => typeof value === 'object' && value !== null && [Object.prototype, null].includes(Object.getPrototypeOf(value));

/** Sets a property whatever its name: assigning `__proto__` would change the prototype. */
export function setOwn(target: object, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true });
  else (target as Record<string, unknown>)[name] = value;
}

/** Fields of a newer contract than ours, and extensions, pass through. */
export function unknownFields(fields: UnknownField[]): UnknownField[] {
  return fields.map(({ no, wireType, data }) => ({ no, wireType, data: bytes(data) }));
}
