import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { WireType } from '@bufbuild/protobuf/wire';
import * as input from './binary-input.ts';
import { setOwn, unexpected } from './copy-value.ts';
import { emptyLiteral, formOf, isOptional, name, scalarOf, zeroOf } from './field-shape.ts';
import { wireTypeOf } from './wire-type.ts';

/** Reads a message up to `end`, into `message` if there is one. Throws for anything unusual. */
export type BinaryRead = (input: input.Input, end: number, message: object | undefined, depth: number) => object;

/** The library reads no deeper, and says so. */
export const deepest = 100;

const runtime = { ...input, setOwn, unexpected };

/** Compiles the reader of one message type; `cellOf` gives those of the messages within. */
export function compileBinaryReader(desc: DescMessage, cellOf: (desc: DescMessage) => { read: BinaryRead }): BinaryRead {
  const constants: unknown[] = [];
  const refer = (value: unknown) => `k[${constants.push(value) - 1}]`;
  const child = (field: DescField) => `${refer(cellOf(field.message!))}.read`;
  const known = refer(new Set(desc.fields.map(({ number }) => number)));
  const source = `return function read(r, end, m, depth) {
    if (depth > ${deepest}) unexpected();
    const o = m === undefined ? ${emptyLiteral(desc)} : m;
    const b = r.bytes;
    let p = r.at, n = 0, q = 0, t = 0, v;
    while (p < end) {
      t = b[p++];
      if (t > 127) { r.at = p - 1; t = tag(r); p = r.at; }
      switch (t) {
        ${desc.fields.map((field) => cases(field, child)).join('\n')}
        default:
          if (${known}.has(t >>> 3)) unexpected();
          r.at = p; unknown(o, r, t, end); p = r.at;
      }
      if (!(p <= end)) unexpected();
    }
    r.at = p;
    return o;
  }`;
  return new Function('k', ...Object.keys(runtime), source)(constants, ...Object.values(runtime)) as BinaryRead;
}

type Child = (field: DescField) => string;

function cases(field: DescField, child: Child): string {
  const place = `o[${name(field)}]`;
  if (field.fieldKind === 'map') return `case ${tagOf(field, WireType.LengthDelimited)}: { ${length} ${entry(field, child)} break; }`;
  if (field.fieldKind === 'list') {
    const one = `case ${tagOf(field, elementWireType(field))}: ${value(field, child, 'undefined')} ${place}.push(v); break;`;
    if (elementWireType(field) === WireType.LengthDelimited) return one;
    return `${one}
      case ${tagOf(field, WireType.LengthDelimited)}: { ${length} const l = ${place}, e = q; while (p < e) { ${value(field, child, 'undefined')} l.push(v); } if (p !== e) unexpected(); break; }`;
  }
  const stored = field.oneof ? `o[${name(field.oneof)}] = { case: ${name(field)}, value: v };` : `${place} = v;`;
  const before = field.oneof ? `(o[${name(field.oneof)}].case === ${name(field)} ? o[${name(field.oneof)}].value : undefined)` : isOptional(field) ? place : 'undefined';
  return `case ${tagOf(field, elementWireType(field))}: ${value(field, child, before)} ${stored} break;`;
}

const tagOf = (field: DescField, wireType: WireType) => ((field.number << 3) | wireType) >>> 0;
const elementWireType = (field: DescField) => (field.message ? WireType.LengthDelimited : wireTypeOf(scalarOf(field)));

/** JavaScript that reads a length and sets q to the end of what follows. */
const length = 'n = b[p++]; if (n > 127) { r.at = p - 1; n = varint(r); p = r.at; } if (!((q = p + n) <= end)) unexpected();';

/** JavaScript that sets `v` to one value of the field's type; `before` is what the field held, which a message is merged into. */
function value(field: DescField, child: Child, before: string): string {
  if (!field.message) return scalar(scalarOf(field), 'longAsString' in field && field.longAsString);
  const form = formOf(field);
  if (form === 'message') return `${length} r.at = p; v = ${child(field)}(r, q, ${before}, depth + 1); p = q;`;
  const once = before === 'undefined' ? '' : `if (${before} !== undefined) unexpected();`;
  return `${once} ${length} r.at = p; v = ${child(field)}(r, q, undefined, depth + 1); v = ${form === 'json' ? 'structJson(v)' : 'v.value'}; p = q;`;
}

function scalar(type: ScalarType, asString: boolean): string {
  const by = (reader: string) => `r.at = p; v = ${reader}(r); p = r.at;`;
  const small = (then: string) => `v = b[p++]; if (v > 127) { r.at = p - 1; v = varint(r); p = r.at; } ${then}`;
  const long = (reader: string) => by(reader) + (asString ? ' v = String(v);' : '');
  switch (type) {
    case ScalarType.STRING: return `${length} v = text(r, p, q); p = q;`;
    case ScalarType.BYTES: return `${length} v = b.subarray(p, q); p = q;`;
    case ScalarType.BOOL: return `v = b[p++]; if (v > 1) unexpected(); v = v === 1;`;
    case ScalarType.INT32: return small('v |= 0;');
    case ScalarType.UINT32: return small('');
    case ScalarType.SINT32: return small('v = (v >>> 1) ^ -(v & 1);');
    case ScalarType.INT64: return long('int64');
    case ScalarType.UINT64: return long('uint64');
    case ScalarType.SINT64: return long('sint64');
    case ScalarType.FIXED64: return long('fixed64');
    case ScalarType.SFIXED64: return long('sfixed64');
    case ScalarType.FIXED32: return by('fixed32');
    case ScalarType.SFIXED32: return by('sfixed32');
    case ScalarType.DOUBLE: return by('double');
    case ScalarType.FLOAT: return by('float');
  }
}

/** A map's entry is a message of key and value, each of which may lack. */
function entry(field: DescField & { fieldKind: 'map' }, child: Child): string {
  const keyTag = (1 << 3) | wireTypeOf(field.mapKey);
  const valueTag = (2 << 3) | elementWireType(field);
  const missing = field.message ? `(r.at = p, ${formOf(field) === 'json' ? '{}' : `${child(field)}(r, p, undefined, depth + 1)`})` : zeroOf(field);
  return `const e = q; let key, val;
    while (p < e) {
      t = b[p++];
      if (t === ${keyTag}) { ${scalar(field.mapKey, false)} key = v; }
      else if (t === ${valueTag} && val === undefined) { ${value(field, child, 'undefined')} val = v; }
      else unexpected();
    }
    if (p !== e) unexpected();
    setOwn(o[${name(field)}], key === undefined ? ${field.mapKey === ScalarType.STRING ? '""' : field.mapKey === ScalarType.BOOL ? '"false"' : '"0"'} : String(key), val === undefined ? ${missing} : val);`;
}
