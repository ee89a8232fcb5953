import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { anyPack, DurationSchema, ValueSchema, type Value } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { Specimen_PartSchema, SpecimenSchema } from './contract/gen/mainstay/testing/v1/echo_pb.js';

type Init = MessageInitShape<typeof SpecimenSchema>;
type Part = MessageInitShape<typeof Specimen_PartSchema>;

const text = fc.string({ unit: 'binary', maxLength: 8 });
const key = fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'toString'));
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const bytes = fc.oneof(fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ maxLength: 5 }).map((array) => Buffer.from(array)));
const colour = fc.integer({ min: 0, max: 9 });
const few = <T>(item: fc.Arbitrary<T>) => fc.array(item, { maxLength: 3 });
const mapOf = <T>(keys: fc.Arbitrary<string>, item: fc.Arbitrary<T>) => fc.dictionary(keys, item, { maxKeys: 3 });
/** JSON whose numbers are finite: ProtoJSON has no others. */
const jsonValue = fc.jsonValue({ maxDepth: 2 });
const jsonObject = mapOf(key, jsonValue) as fc.Arbitrary<Record<string, any>>;

const { part } = fc.letrec<{ part: Part }>((tie) => ({
  part: fc.record({ name: text, parts: fc.array(tie('part'), { maxLength: 2, depthIdentifier: 'part' }), amount: int32 }, { requiredKeys: [] }) as fc.Arbitrary<Part>,
}));
/** Half of them initializers, half whole messages. */
const somePart = fc.oneof(part, part.map((init) => create(Specimen_PartSchema, init)));

const value: fc.Arbitrary<Value> = fc.oneof(
  fc.constant(create(ValueSchema, { kind: { case: 'nullValue', value: 0 } })),
  text.map((string) => create(ValueSchema, { kind: { case: 'stringValue', value: string } })),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((number) => create(ValueSchema, { kind: { case: 'numberValue', value: number } })),
  text.map((string) => create(ValueSchema, { kind: { case: 'structValue', value: { fields: { [string]: { kind: { case: 'listValue', value: { values: [{ kind: { case: 'boolValue', value: true } }] } } } } } } })),
);

const choice = fc.oneof(
  fc.record({ case: fc.constant('chosenString' as const), value: text }),
  fc.record({ case: fc.constant('chosenBytes' as const), value: bytes }),
  fc.record({ case: fc.constant('chosenPart' as const), value: somePart }),
  fc.record({ case: fc.constant('chosenColour' as const), value: colour }),
  fc.record({ case: fc.constant('chosenWrapper' as const), value: fc.record({ value: text }) }),
  fc.record({ case: fc.constant('chosenStruct' as const), value: jsonObject }),
  fc.constant({ case: undefined }),
);

/** Initializers of `Specimen` with any of its fields set, to compare what transports make of them. */
export const anySpecimen = fc.record({
  doubleValue: fc.double(), floatValue: fc.float(), int32Value: int32, int64Value: int64, uint32Value: uint32, uint64Value: uint64,
  sint32Value: int32, sint64Value: int64, fixed32Value: uint32, fixed64Value: uint64, sfixed32Value: int32, sfixed64Value: int64,
  boolValue: fc.boolean(), stringValue: text, bytesValue: bytes, colour, part: somePart, textNumber: int64.map(String),
  optionalString: text, optionalNumber: int64, optionalBytes: bytes, optionalColour: colour, choice,
  strings: few(text), numbers: few(int64), floats: few(fc.float()), chunks: few(bytes), colours: few(colour), parts: few(somePart),
  texts: mapOf(key, text), partsByNumber: mapOf(int32.map(String), somePart), bytesByNumber: mapOf(uint64.map(String), bytes),
  coloursByFlag: mapOf(fc.constantFrom('true', 'false'), colour), values: mapOf(key, value),
  time: fc.record({ seconds: fc.bigInt({ min: 0n, max: 2n ** 33n }), nanos: fc.integer({ min: 0, max: 999_999_999 }) }),
  duration: fc.record({ seconds: fc.bigInt({ min: 0n, max: 2n ** 33n }) }),
  any: fc.bigInt({ min: 0n, max: 9n }).map((seconds) => anyPack(DurationSchema, create(DurationSchema, { seconds }))),
  struct: jsonObject, value, listValue: few(value).map((values) => ({ values })), mask: fc.constant({ paths: ['part.name'] }),
  wrappedString: text, wrappedNumber: int64, wrappedBytes: bytes, structs: few(jsonObject),
}, { requiredKeys: [] }) as unknown as fc.Arbitrary<Init>;
