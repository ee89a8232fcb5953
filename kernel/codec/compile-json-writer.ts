import { ScalarType, type DescEnum, type DescField, type DescMessage, type JsonWriteOptions } from '@bufbuild/protobuf';
import { isWrapperDesc } from '@bufbuild/protobuf/wkt';
import { unexpected } from './copy-value.ts';
import { formOf, isLong, isOptional, isSet, name } from './field-shape.ts';
import * as output from './json-output.ts';

/** Writes a message as the text of ProtoJSON. Throws for anything unusual. */
export type JsonWrite = (message: object, options: Partial<JsonWriteOptions>) => string;

const runtime = { ...output, unexpected };
const written = new Set(['Any', 'Duration', 'FieldMask', 'Struct', 'Value', 'ListValue'].map((type) => `google.protobuf.${type}`));

/**
 * Compiles the writer of one message type, with fields at their defaults written too, or not; `cellOf` gives those of
 * the messages within.
 */
export function compileJsonWriter(desc: DescMessage, alwaysEmitImplicit: boolean, cellOf: (desc: DescMessage) => { write: JsonWrite }): JsonWrite {
  if (desc.typeName === 'google.protobuf.Timestamp') return output.timestamp as JsonWrite;
  if (written.has(desc.typeName)) return (message, options) => output.byLibrary(desc, message as never, options);
  const constants: unknown[] = [];
  const refer = (value: unknown) => `k[${constants.push(value) - 1}]`;
  const source = isWrapperDesc(desc) ? `return function write(m) { const v = m.value; return ${scalar(desc.fields[0]!)}; }` : `return function write(m, g) {
    if (m.$typeName !== ${JSON.stringify(desc.typeName)} || m.$unknown !== undefined) unexpected();
    let s = '{', v;
    ${fields()}
    return s + '}';
  }`;
  return new Function('k', ...Object.keys(runtime), source)(constants, ...Object.values(runtime)) as JsonWrite;

  function fields(): string {
    let certain = false;
    return desc.fields.toSorted((a, b) => a.number - b.number).map((field) => {
      const [first, later] = ['', ','].map((before) => JSON.stringify(`${before}${JSON.stringify(field.jsonName)}:`));
      const comma = certain ? `s += ${later}` : `s += (s.length > 1 ? ${later} : ${first})`;
      const always = alwaysEmitImplicit && !field.oneof && !isOptional(field);
      certain ||= always;
      const write = comma + value(field);
      return always ? `v = m[${name(field)}]; ${write}` : `${found(field)} { ${write} }`;
    }).join('\n');
  }

  /** JavaScript that sets `v` and asks whether it is written. */
  function found(field: DescField): string {
    if (field.oneof) return `v = m[${name(field.oneof)}]; if (v.case === ${name(field)} && ((v = v.value), true))`;
    const read = `v = m[${name(field)}];`;
    if (isOptional(field)) return `${read} if (v !== undefined)`;
    if (field.fieldKind === 'list') return `${read} if (!Array.isArray(v) || v.length > 0)`;
    if (field.fieldKind === 'map') return `${read} if (Object.keys(v).length > 0)`;
    return `${read} if (${isSet(field)})`;
  }

  function value(field: DescField): string {
    if (field.fieldKind === 'list') return `+ '['; if (!Array.isArray(v)) unexpected(); for (let i = 0, l = v; i < l.length; i++) { v = l[i]; if (i > 0) s += ','; s += ${single(field)}; } s += ']';`;
    if (field.fieldKind === 'map') return `; { let c = '{'; const l = v; for (const n of Object.keys(l)) { v = l[n]; s += c + quoted(n) + ':' + ${single(field)}; c = ','; } s += c === '{' ? '{}' : '}'; }`;
    return ` + ${single(field)};`;
  }

  function single(field: DescField): string {
    if (field.enum) return `(typeof v === "number" ? ${refer(enumTexts(field.enum))}[v] ?? integer(v) : unexpected())`;
    if (!field.message) return scalar(field);
    const form = formOf(field);
    if (form === 'json') return '(typeof v === "object" && v !== null && !Array.isArray(v) ? jsonText(v) : unexpected())';
    if (form === 'wrapped') return scalar(field.message.fields[0]!);
    return `${refer(cellOf(field.message))}.write(v, g)`;
  }
}

function enumTexts(type: DescEnum): Record<number, string> {
  const texts = type.typeName === 'google.protobuf.NullValue' ? [] : type.values.map(({ number }) => [number, JSON.stringify(type.value[number]!.jsonName)] as const);
  return Object.assign(Object.create(null) as object, Object.fromEntries(texts));
}

function scalar(field: DescField): string {
  switch (field.scalar!) {
    case ScalarType.STRING: return 'quoted(v)';
    case ScalarType.BYTES: return 'base64(v)';
    case ScalarType.BOOL: return 'flag(v)';
    case ScalarType.DOUBLE: case ScalarType.FLOAT: return 'number(v)';
    default: return isLong(field.scalar!) ? ('longAsString' in field && field.longAsString ? 'quoted(v)' : 'long(v)') : 'integer(v)';
  }
}
