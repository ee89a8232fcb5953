import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import * as output from './binary-output.ts';
import { unexpected } from './copy-value.ts';
import { formOf, isLong, isOptional, isSet, name, scalarOf } from './field-shape.ts';
import { wireTypeOf } from './wire-type.ts';

/** Writes a message into the output from `at` on and gives where it ends. Throws for anything unusual. */
export type BinaryWrite = (message: object, at: number) => number;

const runtime = { ...output, unexpected };
/** A tag takes at most 5 bytes, a number at most 10, a length at most 5. */
const mostBytes = 16;

/** Compiles the writer of one message type; `cellOf` gives those of the messages within. */
export function compileBinaryWriter(desc: DescMessage, cellOf: (desc: DescMessage) => { write: BinaryWrite }): BinaryWrite {
  const constants: unknown[] = [];
  const refer = (value: unknown) => `k[${constants.push(value) - 1}]`;
  const child = (field: DescField) => `${refer(cellOf(field.message!))}.write`;
  const fields = desc.fields.toSorted((a, b) => a.number - b.number);
  const source = `return function write(m, p) {
    if (m.$typeName !== ${JSON.stringify(desc.typeName)}) unexpected();
    let v, q;
    ${fields.map((field) => written(field, child)).join('\n')}
    if (m.$unknown !== undefined) p = unknownFields(p, m.$unknown);
    return p;
  }`;
  return new Function('k', ...Object.keys(runtime), source)(constants, ...Object.values(runtime)) as BinaryWrite;
}

type Child = (field: DescField) => string;

const room = `if (p + ${mostBytes} > output.bytes.length) grow(p + ${mostBytes});`;

function written(field: DescField, child: Child): string {
  if (field.oneof) return `v = m[${name(field.oneof)}]; if (v.case === ${name(field)}) { v = v.value; ${tagged(field, child)} }`;
  const read = `v = m[${name(field)}];`;
  if (field.fieldKind === 'list') return `${read} if (!Array.isArray(v)) unexpected(); if (v.length > 0) { const l = v; ${list(field, child)} }`;
  if (field.fieldKind === 'map') return `${read} for (const n of Object.keys(v)) { const e = v[n]; ${entry(field, child)} }`;
  return `${read} if (${isOptional(field) ? 'v !== undefined' : isSet(field)}) { ${tagged(field, child)} }`;
}

/** JavaScript that writes tag and value of `v`. */
const tagged = (field: DescField, child: Child) => `${room} ${tag(field.number, elementWireType(field))} ${value(field, child)}`;

const elementWireType = (field: DescField) => (field.message ? WireType.LengthDelimited : wireTypeOf(scalarOf(field)));

function tag(number: number, wireType: WireType): string {
  const bytes = [];
  let rest = ((number << 3) | wireType) >>> 0;
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128);
  return [...bytes, rest].map((byte) => `output.bytes[p++] = ${byte};`).join(' ');
}

function value(field: DescField, child: Child): string {
  if (!field.message) return `p = ${scalar(scalarOf(field), 'longAsString' in field && field.longAsString ? 'BigInt(v)' : 'v')};`;
  const form = formOf(field);
  const message = form === 'json' ? 'structMessage(v)' : form === 'wrapped' ? `{ $typeName: ${JSON.stringify(field.message.typeName)}, value: v }` : 'v';
  return inside(`p = ${child(field)}(${message}, p);`);
}

/** JavaScript that writes a length before what the inner JavaScript writes. One byte is kept for it, enough for most. */
const inside = (inner: string) => `{ const from = p++; ${inner} p = close(from, 1, p); }`;

function list(field: DescField & { fieldKind: 'list' }, child: Child): string {
  const each = (body: string) => `for (let i = 0; i < l.length; i++) { v = l[i]; ${body} }`;
  if (field.message || !field.packed) return each(tagged(field, child));
  return `${room} ${tag(field.number, WireType.LengthDelimited)} ${inside(each(`${room} ${value(field, child)}`))}`;
}

function entry(field: DescField & { fieldKind: 'map' }, child: Child): string {
  return `${room} ${tag(field.number, WireType.LengthDelimited)} ${inside(`${room} ${tag(1, wireTypeOf(field.mapKey))} p = ${scalar(field.mapKey, keyOf(field.mapKey))};
    v = e; ${room} ${tag(2, elementWireType(field))} ${value(field, child)}`)}`;
}

/** JavaScript that gives the key of which the property name `n` is the text; a name in another notation is for the library. */
function keyOf(type: ScalarType): string {
  switch (type) {
    case ScalarType.STRING: return 'n';
    case ScalarType.BOOL: return '(n === "true" ? true : n === "false" ? false : unexpected())';
    default: return isLong(type) ? '(String(BigInt(n)) === n ? BigInt(n) : unexpected())' : '(String(Number(n)) === n ? Number(n) : unexpected())';
  }
}

const writers: Record<ScalarType, string> = {
  [ScalarType.STRING]: 'text', [ScalarType.BYTES]: 'chunk', [ScalarType.BOOL]: 'bool', [ScalarType.DOUBLE]: 'double', [ScalarType.FLOAT]: 'float',
  [ScalarType.INT32]: 'int32', [ScalarType.UINT32]: 'uint32', [ScalarType.SINT32]: 'sint32', [ScalarType.FIXED32]: 'fixed32', [ScalarType.SFIXED32]: 'sfixed32',
  [ScalarType.INT64]: 'int64', [ScalarType.UINT64]: 'uint64', [ScalarType.SINT64]: 'sint64', [ScalarType.FIXED64]: 'fixed64', [ScalarType.SFIXED64]: 'sfixed64',
};

const scalar = (type: ScalarType, expression: string) => `${writers[type]}(p, ${expression})`;
