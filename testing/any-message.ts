import { create, ScalarType, type DescEnum, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf';
import fc, { type Arbitrary } from 'fast-check';

type Ids = readonly string[] | ((field: DescField) => readonly string[]);

const texts = ['', ' ', 'a', 'me', '*', '%', "'", '\0', '\u202e\u{1f600}', '\ud800', 'x'.repeat(300), 'x'.repeat(100_000), 'a@b.test', 'nobody@acme.test', '2026-02-30', 'Europe/Berlin', 'FREQ=DAILY', 'FREQ=SECONDLY;INTERVAL=0', '__proto__', 'title', 'name', '00000000-0000-0000-0000-000000000000', 'http://a.test'];
const numbers = [0, 1, -1, 2, 50, 1001, 2 ** 31 - 1, -(2 ** 31)];
const times = [0n, 1n, -1n, 1_800_000_000n, 253_402_300_799n, 253_402_300_800n, -62_135_596_800n, -62_135_596_801n, 2n ** 63n - 1n, -(2n ** 63n)];

/** A message of any values that its binary form can carry, the edges first; `ids` gives the texts that are likelier in a field than others. */
export function anyMessage(schema: DescMessage, ids: Ids, depth = 0): Arbitrary<Message> {
  if (schema.typeName === 'google.protobuf.Timestamp') return fc.record({ seconds: fc.constantFrom(...times), nanos: fc.constantFrom(0, 0, -1, 999_999_999, 2_000_000_000) }).map((init) => create(schema, init as never));
  const members = schema.members.map((member) => (member.kind === 'oneof' ? fc.constantFrom(...member.fields) : fc.constant(member)));
  return fc
    .tuple(...members)
    .chain((fields) => fc.tuple(...fields.map((field) => fc.option(anyValue(field, ids, depth), { freq: 4 }).map((value) => [field, value] as const))))
    .map((values) => create(schema, Object.fromEntries(values.filter(([, value]) => value !== null).map(([field, value]) => (field.oneof ? [field.oneof.localName, { case: field.localName, value }] : [field.localName, value]))) as never));
}

function anyValue(field: DescField, ids: Ids, depth: number): Arbitrary<unknown> {
  const single = field.message ? (depth > 3 ? fc.constant(undefined) : anyMessage(field.message, ids, depth + 1)) : field.enum ? anyEnum(field.enum) : anyScalar(field.scalar!, typeof ids === 'function' ? ids(field) : ids);
  if (field.fieldKind === 'list') return fc.array(single, { maxLength: 4 });
  return field.fieldKind === 'map' ? fc.constant({}) : single;
}

const anyEnum = ({ values }: DescEnum) => fc.constantFrom(...values.map(({ number }) => number), 99, -1);

function anyScalar(scalar: ScalarType, ids: readonly string[]): Arbitrary<unknown> {
  switch (scalar) {
    case ScalarType.STRING:
      return ids.length > 0 ? fc.oneof({ arbitrary: fc.constantFrom(...ids), weight: 2 }, fc.constantFrom(...texts)) : fc.constantFrom(...texts);
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.BYTES:
      return fc.oneof(fc.uint8Array({ maxLength: 100 }), fc.constantFrom('{"promises":[{}]}', 'BEGIN:VCALENDAR\nBEGIN:VTODO', 'TYPE,CONTENT\ntask,"').map((text) => Buffer.from(text)));
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return fc.constantFrom(0n, 1n, 2n ** 63n - 1n);
    default:
      return fc.constantFrom(...numbers);
  }
}
