import { create, ScalarType, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf';
import { isWrapperDesc } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';

const id = '019d4b1e-7a2b-7c3d-8e4f-0123456789ab';
const text = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('', 'a', 'me', 'home', id, '"etag"', 'ada@example.org', 'de', 'Europe/Berlin') },
  { weight: 1, arbitrary: fc.oneof(fc.constantFrom(id.toUpperCase(), 'a\0', '😀', '😀'.repeat(60), 'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(501)), fc.string({ unit: fc.nat({ max: 0x10_ffff }).map((point) => String.fromCodePoint(point)), maxLength: 10 }).filter((value) => value.isWellFormed())) },
);
const integer = fc.oneof(fc.constantFrom(0, 1, 2, 20, 100), fc.constantFrom(-1, 101, 1000, 1001, 2 ** 31 - 1));
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const time = fc.record({ seconds: fc.oneof(fc.constantFrom(0n, 1_774_958_400n), fc.constantFrom(-62_135_596_801n, 253_402_300_800n), long), nanos: fc.constantFrom(0, 1, 999_999_999, 1_000_000_000, -1) });

/** Messages of any type, with values at which rules of contracts turn; half of the fields are unset. */
export function anyMessage(desc: DescMessage, depth = 0): fc.Arbitrary<Message> {
  const members = desc.members.map((member) => {
    const value = member.kind === 'oneof'
      ? fc.oneof(...member.fields.map((field) => single(field, depth).map((chosen) => ({ case: field.localName, value: chosen }))))
      : whole(member, depth);
    return [member.localName, fc.option(value, { nil: undefined, freq: 2 })] as const;
  });
  return fc.record(Object.fromEntries(members)).map((init) => create(desc, init as never) as Message);
}

function whole(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.fieldKind === 'list') return fc.oneof({ weight: 5, arbitrary: fc.array(single(field, depth), { maxLength: 3 }) }, { weight: 1, arbitrary: single(field, depth).map((item) => Array.from({ length: 101 }, () => item)) });
  if (field.fieldKind !== 'map') return single(field, depth);
  return fc.dictionary(field.mapKey === ScalarType.STRING ? text : field.mapKey === ScalarType.BOOL ? fc.constantFrom('true', 'false') : fc.nat().map(String), single(field, depth), { maxKeys: 3 });
}

function single(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.enum) return fc.oneof(fc.constantFrom(...field.enum.values.map(({ number }) => number)), fc.constant(99));
  if (!field.message) return scalar(field.scalar!, 'longAsString' in field && field.longAsString);
  switch (field.message.typeName) {
    case 'google.protobuf.Timestamp': return time.map((init) => create(field.message!, init as never));
    case 'google.protobuf.Struct': return fc.dictionary(text, fc.jsonValue({ maxDepth: 1 }));
    case 'google.protobuf.Value': return text.map((value) => create(field.message!, { kind: { case: 'stringValue', value } } as never));
    case 'google.protobuf.Any': return fc.constant(create(field.message));
    default:
      if (isWrapperDesc(field.message) && field.fieldKind === 'message' && !field.oneof) return scalar(field.message.fields[0]!.scalar!, false);
      return depth > 2 ? fc.constant(create(field.message)) : anyMessage(field.message, depth + 1);
  }
}

function scalar(type: ScalarType, asString: boolean): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING: return text;
    case ScalarType.BOOL: return fc.boolean();
    case ScalarType.BYTES: return fc.uint8Array({ maxLength: 40 });
    case ScalarType.DOUBLE: return fc.double();
    case ScalarType.FLOAT: return fc.float();
    case ScalarType.INT32: case ScalarType.SINT32: case ScalarType.SFIXED32: return integer;
    case ScalarType.UINT32: case ScalarType.FIXED32: return integer.map((value) => value >>> 0);
    case ScalarType.UINT64: case ScalarType.FIXED64: return long.map((value) => BigInt.asUintN(64, value)).map((value) => (asString ? String(value) : value));
    default: return long.map((value) => (asString ? String(value) : value));
  }
}
