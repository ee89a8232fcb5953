import type { DescField, DescMessage, JsonValue, Registry } from '@bufbuild/protobuf';
import { deepest } from './compile-binary-reader.ts';
import { isPossibleTime } from './possible-time.ts';
import { typesWithin } from './types-within.ts';

const time = 'google.protobuf.Timestamp';
const duration = 'google.protobuf.Duration';
const any = 'google.protobuf.Any';
const overlong = /^-?\d+(?:\.\d{1,9})?s[^]/;
const form = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:Z|[+-]\d{2}:\d{2})$/;

/**
 * Throws if ProtoJSON of a message holds a time that does not exist, such as 2026-02-30T00:00:00Z, or a duration with
 * something behind it, such as `90s or so`, which protobuf-es takes for another. Whatever else is wrong is left to the library.
 */
export function refuseImpossibleTimes(desc: DescMessage, json: JsonValue, registry: Registry | undefined): void {
  if (mayHoldTime(desc)) ofMessage(desc, json, registry, 'the message', 1);
}

function ofMessage(desc: DescMessage, json: JsonValue, registry: Registry | undefined, place: string, depth: number): void {
  if (desc.typeName === time) return ofTime(json, place);
  if (desc.typeName === duration) return ofDuration(json, place);
  if (typeof json !== 'object' || json === null || Array.isArray(json)) return;
  // An Any counts twice here: itself, and what is in it.
  if (depth > 2 * deepest) throw new Error(`${place}: messages are nested too deep`);
  if (desc.typeName === any) return ofAny(json, registry, place, depth);
  for (const field of fieldsWithTime(desc)) {
    for (const key of namesOf(field)) if (Object.hasOwn(json, key)) for (const item of itemsOf(field, json[key]!)) ofMessage(field.message!, item, registry, field.name, depth + 1);
  }
}

function ofTime(json: JsonValue, place: string): void {
  if (typeof json === 'string' && form.test(json) && !isPossibleTime(json)) throw new Error(`${place}: expected a time that exists, such as 2026-03-31T12:00:00Z`);
}

function ofDuration(json: JsonValue, place: string): void {
  if (typeof json === 'string' && overlong.test(json)) throw new Error(`${place}: expected a duration in seconds, such as 90s or 1.5s`);
}

/** A time, a duration, and an Any in an Any, stand in `value`; fields of other messages beside `@type`. */
function ofAny(json: Record<string, JsonValue>, registry: Registry | undefined, place: string, depth: number): void {
  const url = json['@type'];
  const desc = typeof url === 'string' ? registry?.getMessage(url.slice(url.lastIndexOf('/') + 1)) : undefined;
  if (!desc || !mayHoldTime(desc)) return;
  const alone = (desc.typeName === time || desc.typeName === duration || desc.typeName === any) && Object.hasOwn(json, 'value');
  ofMessage(desc, alone ? json['value']! : json, registry, place, depth + 1);
}

const namesOf = ({ jsonName, name }: DescField) => (jsonName === name ? [name] : [jsonName, name]);

function itemsOf({ fieldKind }: DescField, value: JsonValue): readonly JsonValue[] {
  if (fieldKind === 'list') return Array.isArray(value) ? value : [];
  if (fieldKind === 'map') return typeof value === 'object' && value !== null ? Object.values(value) : [];
  return [value];
}

const holding = new WeakMap<DescMessage, boolean>();

/** Whether a message of the type can hold a time or a duration, however deep. */
export function mayHoldTime(desc: DescMessage): boolean {
  let holds = holding.get(desc);
  if (holds === undefined) holding.set(desc, (holds = [...typesWithin(desc)].some(({ typeName }) => typeName === time || typeName === duration || typeName === any)));
  return holds;
}

const known = new WeakMap<DescMessage, readonly DescField[]>();

function fieldsWithTime(desc: DescMessage): readonly DescField[] {
  let fields = known.get(desc);
  if (!fields) known.set(desc, (fields = desc.fields.filter(({ message }) => message && mayHoldTime(message))));
  return fields;
}
