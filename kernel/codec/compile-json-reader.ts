import { ScalarType, type DescEnum, type DescField, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import { isWrapperDesc } from '@bufbuild/protobuf/wkt';
import { deepest } from './compile-binary-reader.ts';
import { setOwn, unexpected } from './copy-value.ts';
import { emptyLiteral, formOf, isLong, name } from './field-shape.ts';
import * as input from './json-input.ts';

/** Makes a message of a value that JSON.parse gave. Throws for anything unusual. */
export type JsonRead = (json: JsonValue, depth: number) => object;

const runtime = { ...input, setOwn, unexpected };
const unusual = new Set(['Any', 'Struct', 'Value', 'ListValue'].map((type) => `google.protobuf.${type}`));

/** Compiles the reader of one message type; `cellOf` gives those of the messages within. */
export function compileJsonReader(desc: DescMessage, cellOf: (desc: DescMessage) => { read: JsonRead }): JsonRead {
  if (desc.typeName === 'google.protobuf.Timestamp') return bounded((json) => input.timestamp(json));
  if (desc.typeName === 'google.protobuf.Duration') return bounded((json) => input.duration(json));
  if (desc.typeName === 'google.protobuf.FieldMask') return bounded((json) => input.byLibrary(desc, json));
  if (unusual.has(desc.typeName)) return unexpected;
  const constants: unknown[] = [];
  const refer = (value: unknown) => `k[${constants.push(value) - 1}]`;
  const body = isWrapperDesc(desc) ? `const v = j; if (v === null) unexpected(); o.value = ${scalar(desc.fields[0]!)};` : `
    if (typeof j !== 'object' || j === null || Array.isArray(j)) unexpected();
    for (const key in j) {
      let v = j[key];
      switch (key) {
        ${desc.fields.map(assigned).join('\n')}
        default: unexpected();
      }
    }`;
  const source = `return function read(j, depth) {
    if (depth > ${deepest}) unexpected();
    const o = ${emptyLiteral(desc)};
    ${body}
    return o;
  }`;
  return new Function('k', ...Object.keys(runtime), source)(constants, ...Object.values(runtime)) as JsonRead;

  /** Both names of a field are good, but not at once. */
  function assigned(field: DescField): string {
    const [json, own] = [JSON.stringify(field.jsonName), JSON.stringify(field.name)];
    const cases = json === own ? `case ${json}:` : `case ${own}: if (Object.hasOwn(j, ${json})) unexpected();\ncase ${json}:`;
    return `${cases} ${field.oneof ? chosen(field) : plain(field)} break;`;
  }

  function chosen(field: DescField): string {
    const group = `o[${name(field.oneof!)}]`;
    return `if (v === null || ${group}.case !== undefined) unexpected(); ${group} = { case: ${name(field)}, value: ${single(field)} };`;
  }

  /** null leaves a field as it is; where null is a value, the library is asked. */
  function plain(field: DescField): string {
    const place = `o[${name(field)}]`;
    if (isNullable(field)) return 'unexpected();';
    if (field.fieldKind === 'list') return `if (v === null) break; { const l = list(v), t = ${place}; for (let i = 0; i < l.length; i++) { v = l[i]; if (v === null) unexpected(); t.push(${single(field)}); } }`;
    if (field.fieldKind === 'map') return `if (v === null) break; { const l = object(v), t = ${place}; for (const n of Object.keys(l)) { v = l[n]; if (v === null || !(${mapKey(field.mapKey)})) unexpected(); setOwn(t, n, ${single(field)}); } }`;
    return `if (v === null) break; ${place} = ${single(field)};`;
  }

  function single(field: DescField): string {
    if (field.enum) return `(${refer(enumNumbers(field.enum))}.get(v) ?? (typeof v === 'string' ? unexpected() : int32(v)))`;
    if (!field.message) return scalar(field);
    const form = formOf(field);
    if (form === 'json') return `(depth < ${deepest} ? structJson(v, depth + 1) : unexpected())`;
    if (form === 'wrapped') return `(depth < ${deepest} ? ${scalar(field.message.fields[0]!)} : unexpected())`;
    return `${refer(cellOf(field.message))}.read(v, depth + 1)`;
  }
}

const bounded = (read: (json: JsonValue) => object): JsonRead => (json, depth) => (depth > deepest ? unexpected() : read(json));

const isNullable = (field: DescField) => field.enum?.typeName === 'google.protobuf.NullValue' || field.message?.typeName === 'google.protobuf.Value';

function enumNumbers(type: DescEnum): Map<string, number> {
  const names = type.values.map(({ name, number }) => [name, number] as const);
  return new Map([...type.values.map(({ jsonName, number }) => [jsonName, number] as const), ...names]);
}

function scalar(field: DescField): string {
  switch (field.scalar!) {
    case ScalarType.STRING: return 'string(v)';
    case ScalarType.BYTES: return 'bytes(v)';
    case ScalarType.BOOL: return 'flag(v)';
    case ScalarType.DOUBLE: return 'double(v)';
    case ScalarType.FLOAT: return 'float(v)';
    case ScalarType.INT32: case ScalarType.SINT32: case ScalarType.SFIXED32: return 'int32(v)';
    case ScalarType.UINT32: case ScalarType.FIXED32: return 'uint32(v)';
    case ScalarType.UINT64: case ScalarType.FIXED64: return long(field, 'uint64(v)');
    default: return long(field, 'int64(v)');
  }
}

/** A 64-bit integer that programs see as a string keeps the spelling that it has in JSON. */
const long = (field: DescField, read: string) => ('longAsString' in field && field.longAsString ? `(${read}, String(v))` : read);

/** Whether `n` is a key in the notation that JavaScript has for it; others are made canonical by the library. */
function mapKey(type: ScalarType): string {
  switch (type) {
    case ScalarType.STRING: return 'n.isWellFormed()';
    case ScalarType.BOOL: return 'n === "true" || n === "false"';
    default: return isLong(type) ? `String(${type === ScalarType.UINT64 || type === ScalarType.FIXED64 ? 'uint64' : 'int64'}(n)) === n` : `String(${type === ScalarType.UINT32 || type === ScalarType.FIXED32 ? 'uint32' : 'int32'}(n)) === n`;
  }
}
