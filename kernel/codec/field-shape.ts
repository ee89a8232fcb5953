import { create, ScalarType, type DescEnum, type DescField, type DescMessage, type DescOneof } from '@bufbuild/protobuf';
import { isWrapperDesc } from '@bufbuild/protobuf/wkt';
import { typesWithin } from './types-within.ts';

/** `google.protobuf.FeatureSet.FieldPresence`: the field has no notion of being unset. */
const IMPLICIT = 2;
const LEGACY_REQUIRED = 3;

/** How JavaScript holds a message that stands in a field: as it is, as the one value it wraps, or as a plain JSON object. */
export type Form = 'message' | 'wrapped' | 'json';

export const formOf = (field: DescField): Form => {
  if (field.fieldKind === 'message' && !field.oneof && isWrapperDesc(field.message)) return 'wrapped';
  return field.message?.typeName === 'google.protobuf.Struct' && field.parent.typeName !== 'google.protobuf.Value' ? 'json' : 'message';
};

/** The type by which a field's values are written: enums are 32-bit integers. Only for fields that hold no messages. */
export const scalarOf = (field: DescField): ScalarType => (field.enum ? ScalarType.INT32 : field.scalar!);

/** The property that holds a field or a group, as a JavaScript literal. */
export const name = (member: DescField | DescOneof): string => JSON.stringify(member.localName);

/** Whether a message may lack the property of the field. */
export const isOptional = (field: DescField): boolean => !field.oneof && (field.fieldKind === 'message' || (isSingle(field) && field.presence !== IMPLICIT));

const isSingle = (field: DescField) => field.fieldKind === 'scalar' || field.fieldKind === 'enum';

/** The prototype of the type's messages; messages of proto2 and some of editions tell unset from zero by own properties. */
const prototypeOf = (desc: DescMessage): object => Object.getPrototypeOf(create(desc)) as object;

/** JavaScript of a message with every field at its default; the same properties in the same order as a copy has. */
export function emptyLiteral(desc: DescMessage): string {
  const members = desc.members.filter((member) => member.kind === 'oneof' || !isOptional(member));
  return `{ ${[`$typeName: ${JSON.stringify(desc.typeName)}`, ...members.map((member) => `${name(member)}: ${zero(member)}`)].join(', ')} }`;
}

function zero(member: DescField | DescOneof): string {
  if (member.kind === 'oneof') return '{ case: undefined }';
  if (member.fieldKind === 'list') return '[]';
  if (member.fieldKind === 'map') return '{}';
  return zeroOf(member);
}

/** JavaScript of the default of one value of the field's type that is no message. */
export function zeroOf(field: DescField): string {
  if (field.enum) return String(field.enum.values[0]!.number);
  switch (field.scalar!) {
    case ScalarType.STRING: return '""';
    case ScalarType.BOOL: return 'false';
    case ScalarType.BYTES: return 'new Uint8Array(0)';
    default: return isLong(field.scalar!) ? ('longAsString' in field && field.longAsString ? '"0"' : '0n') : '0';
  }
}

/** JavaScript of whether `v`, a value of a field of implicit presence, is other than the default; what is no value of the field is taken as by the library. */
export function isSet(field: DescField): string {
  if (field.enum) return `v !== ${field.enum.values[0]!.number}`;
  switch (field.scalar!) {
    case ScalarType.STRING: return 'v !== ""';
    case ScalarType.BOOL: return 'v !== false';
    case ScalarType.BYTES: return '!(v instanceof Uint8Array) || v.length > 0';
    case ScalarType.DOUBLE: case ScalarType.FLOAT: return '!Object.is(v, 0)';
    default: return 'v != 0';
  }
}

export const isLong = (type: ScalarType): boolean => [ScalarType.INT64, ScalarType.SINT64, ScalarType.SFIXED64, ScalarType.UINT64, ScalarType.FIXED64].includes(type);

const compilable = new WeakMap<DescMessage, boolean>();

/**
 * Whether codecs are compiled for the type: every message within follows proto3, whose wire form has one spelling a value.
 * Groups, required fields, closed enums and presence by prototype are left to the library.
 */
export function isCompilable(desc: DescMessage): boolean {
  const known = compilable.get(desc);
  if (known !== undefined) return known;
  const all = [...typesWithin(desc)].every((type) => prototypeOf(type) === Object.prototype && type.fields.every(isPlain));
  compilable.set(desc, all);
  return all;
}

const isPlain = (field: DescField) => isOpen(field.enum) && field.presence !== LEGACY_REQUIRED && !('delimitedEncoding' in field && field.delimitedEncoding) && !('utf8Validation' in field && field.utf8Validation === false && field.scalar === ScalarType.STRING);
const isOpen = (type: DescEnum | undefined) => type === undefined || type.open;
