import { create, ScalarType, type DescField, type DescMessage, type DescOneof } from '@bufbuild/protobuf';
import { isWrapperDesc } from '@bufbuild/protobuf/wkt';
import { bytes, float, int64, json, setOwn, uint64, unexpected, unknownFields } from './copy-value.ts';

/** Copies a message, or its initializer, into a new message. Throws when it meets a value of an unexpected type. */
export type Copy = (message: object) => object;

const runtime = { bytes, float, int64, json, setOwn, uint64, unexpected, unknownFields };
/** `google.protobuf.FeatureSet.FieldPresence`: the field has no notion of being unset. */
const IMPLICIT = 2;

/**
 * Compiles the copy function of one message type to JavaScript, as the fields are known: a loop over the
 * descriptor costs eighty times as much. `cellOf` gives the copy functions of the messages within.
 */
export function compileCopy(desc: DescMessage, cellOf: (desc: DescMessage) => { copy: Copy }): Copy {
  const constants: unknown[] = [];
  const refer = (value: unknown) => `k[${constants.push(value) - 1}]`;
  const message = (field: DescField) => `${refer(cellOf(field.message!))}.copy`;
  const prototype = Object.getPrototypeOf(create(desc));
  // Messages of proto2 and some of editions tell unset from zero by own properties.
  const tracksPresence = prototype !== Object.prototype;

  const optional = desc.members.filter((member) => member.kind === 'field' && isOptional(member)) as DescField[];
  const always = desc.members.filter((member) => !optional.includes(member as DescField));
  const type = JSON.stringify(desc.typeName);
  const literal = `{ ${[`$typeName: ${type}`, ...always.map((member) => `${name(member)}: ${expression(member)}`)].join(', ')} }`;
  const source = `return function copy(m) {
    if (m.$typeName !== ${type} && m.$typeName !== undefined) unexpected();
    let v;
    const o = ${tracksPresence ? `Object.assign(Object.create(${refer(prototype)}), ${literal})` : literal};
    ${optional.map((field) => `if (${tracksPresence ? `Object.hasOwn(m, ${name(field)}) && ` : ''}(v = m[${name(field)}]) != null) o[${name(field)}] = ${single(field, message)};`).join('\n')}
    if (m.$unknown !== undefined) o.$unknown = unknownFields(m.$unknown);
    return o;
  }`;
  return new Function('k', ...Object.keys(runtime), source)(constants, ...Object.values(runtime)) as Copy;

  function expression(member: DescField | DescOneof): string {
    const given = `(v = m[${name(member)}]) == null`;
    if (member.kind === 'oneof') return `${given} ? { case: undefined } : (${oneof(member, message)})(v)`;
    if (member.fieldKind === 'list') return `${given} ? [] : (${list(member, message)})(v)`;
    if (member.fieldKind === 'map') return `${given} ? {} : (${map(member, message)})(v)`;
    const zero = member.scalar === ScalarType.BYTES ? 'new Uint8Array(0)' : refer((create(desc) as unknown as Record<string, unknown>)[member.localName]);
    return `${given} ? ${zero} : ${single(member, message)}`;
  }
}

type MessageCopy = (field: DescField) => string;

const name = (member: DescField | DescOneof) => JSON.stringify(member.localName);
const isOptional = (field: DescField) => !field.oneof && (field.fieldKind === 'message' || ((field.fieldKind === 'scalar' || field.fieldKind === 'enum') && field.presence !== IMPLICIT));

const oneof = (member: DescOneof, message: MessageCopy) => `(g) => {
  const v = g.value;
  switch (g.case) {
    ${member.fields.map((field) => `case ${name(field)}: return { case: ${name(field)}, value: ${single(field, message)} };`).join('\n')}
    case undefined: return { case: undefined };
    default: unexpected();
  }
}`;

const list = (field: DescField, message: MessageCopy) => `(l) => {
  if (!Array.isArray(l)) unexpected();
  const o = new Array(l.length);
  for (let i = 0; i < o.length; i++) { const v = l[i]; o[i] = ${single(field, message)}; }
  return o;
}`;

const map = (field: DescField & { fieldKind: 'map' }, message: MessageCopy) => `(p) => {
  const o = {};
  for (const n of Object.keys(p)) { const v = p[n]; if (!(${mapKey(field.mapKey)})) unexpected(); setOwn(o, n, ${single(field, message)}); }
  return o;
}`;

/** JavaScript that gives the copy of `v`, one value of the field's type. */
function single(field: DescField, message: MessageCopy): string {
  if (field.message) {
    // Two well-known types stand unwrapped in a field: see the library's documentation of `create`.
    if (field.fieldKind === 'message' && !field.oneof && isWrapperDesc(field.message)) return scalar(field.message.fields[0]!.scalar!);
    if (field.message.typeName === 'google.protobuf.Struct' && field.parent.typeName !== 'google.protobuf.Value') return 'json(v)';
    return `${message(field)}(v)`;
  }
  if ('longAsString' in field && field.longAsString) return `typeof v === 'string' && ${isInteger('v', field.scalar!)} ? v : unexpected()`;
  return scalar(field.enum ? ScalarType.INT32 : field.scalar!);
}

function scalar(type: ScalarType): string {
  const when = (condition: string) => `${condition} ? v : unexpected()`;
  switch (type) {
    case ScalarType.STRING: return when(`typeof v === 'string' && v.isWellFormed()`);
    case ScalarType.BOOL: return when(`typeof v === 'boolean'`);
    case ScalarType.BYTES: return 'bytes(v)';
    case ScalarType.DOUBLE: return when(`typeof v === 'number'`);
    case ScalarType.FLOAT: return 'float(v)';
    case ScalarType.INT32: case ScalarType.SINT32: case ScalarType.SFIXED32: return when('(v | 0) === v');
    case ScalarType.UINT32: case ScalarType.FIXED32: return when('(v >>> 0) === v');
    case ScalarType.INT64: case ScalarType.SINT64: case ScalarType.SFIXED64: return 'int64(v)';
    case ScalarType.UINT64: case ScalarType.FIXED64: return 'uint64(v)';
  }
}

/** Whether `n`, a property name, is written as the wire's reader would write this key. */
function mapKey(type: ScalarType): string {
  switch (type) {
    case ScalarType.STRING: return 'n.isWellFormed()';
    case ScalarType.BOOL: return `n === 'true' || n === 'false'`;
    case ScalarType.INT32: case ScalarType.SINT32: case ScalarType.SFIXED32: return 'String(n | 0) === n';
    case ScalarType.UINT32: case ScalarType.FIXED32: return 'String(n >>> 0) === n';
    default: return isInteger('n', type);
  }
}

/** Whether a text is a 64-bit integer, written as JavaScript would. */
const isInteger = (text: string, type: ScalarType) => `String(${type === ScalarType.UINT64 || type === ScalarType.FIXED64 ? 'uint64' : 'int64'}(BigInt(${text}))) === ${text}`;
