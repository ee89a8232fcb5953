import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, createRegistry, fromBinary, fromJson, fromJsonString, toBinary, toJson, toJsonString, type DescMessage, type JsonValue, type MessageShape } from '@bufbuild/protobuf';
import { AnySchema, DurationSchema, FieldDescriptorProtoSchema, StructSchema, TimestampSchema, ValueSchema, ListValueSchema, Int64ValueSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { anySpecimen } from '../testing/any-specimen.ts';
import { EchoRequestSchema, OldSpecimenSchema, Specimen_PartSchema, SpecimenSchema } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { compileBinaryReader } from './compile-binary-reader.ts';
import { codecOf } from './codec-of.ts';

const registry = createRegistry(DurationSchema, SpecimenSchema, EchoRequestSchema);
const codec = codecOf(SpecimenSchema);
const specimen = anySpecimen.map((init) => create(SpecimenSchema, init));
const everywhere = [{}, { registry }, { registry, alwaysEmitImplicit: true }, { alwaysEmitImplicit: true }];

type Outcome = { value: unknown } | { error: string };
const outcome = (work: () => unknown): Outcome => {
  try {
    return { value: work() };
  } catch (error) {
    return { error: (error as Error).message };
  }
};

/** Both give the same, or fail with the same words. */
function same(mine: () => unknown, library: () => unknown): void {
  assert.deepStrictEqual(outcome(mine), outcome(library));
}

test('bytes are those of the library', () => {
  fc.assert(fc.property(specimen, (message) => same(() => codec.toBinary(message), () => toBinary(SpecimenSchema, message))), { numRuns: 1000 });
});

test('bytes are read as the library reads them', () => {
  fc.assert(fc.property(specimen, (message) => {
    const bytes = toBinary(SpecimenSchema, message);
    same(() => codec.fromBinary(bytes), () => fromBinary(SpecimenSchema, bytes));
  }), { numRuns: 1000 });
});

test('the text of ProtoJSON is that of the library, letter for letter', () => {
  fc.assert(fc.property(specimen, fc.constantFrom(...everywhere), (message, options) => same(() => codec.toJsonText(message, options), () => toJsonString(SpecimenSchema, message, options))), { numRuns: 1000 });
});

test('JSON is read as the library reads it', () => {
  fc.assert(fc.property(specimen, (message) => {
    const written = outcome(() => toJson(SpecimenSchema, message, { registry }));
    if (!('value' in written)) return;
    const json = JSON.parse(JSON.stringify(written.value)) as JsonValue;
    same(() => codec.fromJson(json, { registry }), () => fromJson(SpecimenSchema, json, { registry }));
  }), { numRuns: 1000 });
});

const change = fc.record({ at: fc.nat(), kind: fc.constantFrom('set', 'cut', 'insert', 'repeat'), byte: fc.integer({ min: 0, max: 255 }) });

test('of damaged bytes both make the same message, or refuse them in the same words', () => {
  fc.assert(fc.property(specimen, fc.array(change, { minLength: 1, maxLength: 4 }), (message, changes) => {
    const bytes = changes.reduce(changed, toBinary(SpecimenSchema, message));
    same(() => codec.fromBinary(bytes), () => fromBinary(SpecimenSchema, bytes));
  }), { numRuns: 3000 });
});

function changed(bytes: Uint8Array, { at, kind, byte }: { at: number; kind: string; byte: number }): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(byte);
  const place = at % bytes.length;
  switch (kind) {
    case 'set': return bytes.with(place, byte);
    case 'cut': return bytes.slice(0, place);
    case 'insert': return Uint8Array.from([...bytes.slice(0, place), byte, ...bytes.slice(place)]);
    default: return Uint8Array.from([...bytes, ...bytes]);
  }
}

/** One field of a specimen with any JSON, in either spelling of its name. */
const names = SpecimenSchema.fields.flatMap(({ name, jsonName }) => [name, jsonName]);
const oddJson = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom<JsonValue>(null, '', '0', '-0', '1e3', ' 1', '1.0', '0x10', '-1', '18446744073709551615', '9223372036854775808', 'NaN', 'Infinity', '-Infinity', -0, 1e400, 4294967295, 1e39, 0.5,
    'AA', 'AA==', 'AB==', '-_', 'A', 'A A=', 'QQ==QQ==', 'COLOUR_RED', 'COLOUR_NONE', true, 'true', '2024-02-29T23:59:59Z', '0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999999999Z',
    '2024-01-01T01:00:00+01:00', '2024-02-29T01:00:00-00:00', '1s', '-0.5s', '1.0000000001s', 'title,dueTime', 'a_b', '\ud800', { a: null }, [null], { 1: { name: 'a' }, '01': { name: 'b' } }, { true: 1 }, { yes: 1 },
    { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '3s' }, { '@type': 'x' }, { __proto__: 1 }, { name: 'a', parts: [{ name: null }] }, { nullValue: null }),
);
const oddSpecimen = fc.dictionary(fc.oneof({ weight: 30, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: fc.constantFrom('unknown', '[ext]', '__proto__') }), oddJson, { maxKeys: 3 });

test('of any JSON both make the same message, or refuse it in the same words', () => {
  fc.assert(fc.property(oddSpecimen, fc.boolean(), (json, ignoreUnknownFields) => {
    const options = { registry, ignoreUnknownFields };
    same(() => codec.fromJson(json as JsonValue, options), () => fromJson(SpecimenSchema, json as JsonValue, options));
  }), { numRuns: 5000 });
});

const oddValue = fc.oneof(fc.anything({ maxDepth: 2 }), fc.constantFrom(undefined, NaN, -0, 1.5, 2n ** 64n, '\ud800x', new Uint8Array(200), 'é'.repeat(60), 'x'.repeat(5000)));

test('a message that holds what does not fit is written or refused as by the library', () => {
  fc.assert(fc.property(specimen, fc.constantFrom(...SpecimenSchema.members), oddValue, (message, { localName }, value) => {
    const odd = { ...message, [localName]: value } as MessageShape<typeof SpecimenSchema>;
    same(() => codec.toBinary(odd), () => toBinary(SpecimenSchema, odd));
    same(() => codec.toJsonText(odd, { registry }), () => toJsonString(SpecimenSchema, odd, { registry }));
  }), { numRuns: 3000, examples: [[create(SpecimenSchema), SpecimenSchema.field.struct, [[]]]] });
});

test('a field that comes twice is replaced, or merged where it is a message', () => {
  const half = (init: Parameters<typeof create<typeof SpecimenSchema>>[1]) => toBinary(SpecimenSchema, create(SpecimenSchema, init));
  const bytes = Buffer.concat([
    half({ stringValue: 'a', part: { name: 'a', amount: 1 }, choice: { case: 'chosenPart', value: { name: 'a' } }, wrappedString: 'a', struct: { a: 1 }, texts: { a: '1', b: '1' } }),
    half({ stringValue: 'b', part: { parts: [{ name: 'b' }] }, choice: { case: 'chosenPart', value: { amount: 2 } }, wrappedString: '', struct: { b: 2 }, texts: { a: '2' } }),
  ]);
  const read = codec.fromBinary(new Uint8Array(bytes));
  assert.deepEqual(read, fromBinary(SpecimenSchema, new Uint8Array(bytes)));
  assert.deepEqual([read.stringValue, read.part?.name, read.part?.parts.length, read.texts], ['b', 'a', 1, { a: '2', b: '1' }]);
});

test('fields that only the newer contract knows pass through', () => {
  const newer = toBinary(SpecimenSchema, create(SpecimenSchema, { stringValue: 'a', part: { name: 'b' }, doubleValue: 1, fixed32Value: 7, numbers: [1n] }));
  const old = codecOf(OldSpecimenSchema);
  assert.deepEqual(old.fromBinary(newer), fromBinary(OldSpecimenSchema, newer));
  assert.deepEqual(old.toBinary(old.fromBinary(newer)), toBinary(OldSpecimenSchema, fromBinary(OldSpecimenSchema, newer)));
});

test('nesting is bounded as by the library, without a stack that overflows', () => {
  const part = codecOf(Specimen_PartSchema);
  for (const depth of [98, 99, 100, 101, 10_000]) {
    let bytes: Uint8Array = new Uint8Array();
    let json: JsonValue = {};
    for (let level = 0; level < depth; level++) {
      bytes = toBinary(OldSpecimenSchema, { $typeName: 'mainstay.testing.v1.OldSpecimen', stringValue: '', $unknown: [{ no: 2, wireType: 2, data: Buffer.concat([lengthOf(bytes), bytes]) }] });
      json = { parts: [json] };
    }
    same(() => part.fromBinary(bytes), () => fromBinary(Specimen_PartSchema, bytes));
    same(() => part.fromJson(json), () => fromJson(Specimen_PartSchema, json));
    const nested = JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`) as JsonValue;
    same(() => codec.fromJson({ struct: { nested } }), () => fromJson(SpecimenSchema, { struct: { nested } }));
  }
});

function lengthOf(bytes: Uint8Array): Uint8Array {
  const varint = [];
  let rest = bytes.length;
  for (; rest > 127; rest >>>= 7) varint.push((rest & 127) | 128);
  return Uint8Array.from([...varint, rest]);
}

test('well-known types alone, and types that are left to the library, work too', () => {
  const pairs: [DescMessage, JsonValue][] = [
    [TimestampSchema, '2024-02-29T23:59:59.120Z'], [DurationSchema, '-1.5s'], [StructSchema, { a: [1, null, { b: true }] }], [ValueSchema, null], [ListValueSchema, [1, 'a']], [Int64ValueSchema, '7'], [Int64ValueSchema, null],
    [AnySchema, { '@type': 'type.googleapis.com/google.protobuf.Duration', value: '3s' }], [FieldDescriptorProtoSchema, { name: 'a', type: 'TYPE_BYTES', options: { packed: false } }],
  ];
  for (const [desc, json] of pairs) {
    const message = fromJson(desc, json, { registry });
    const own = codecOf(desc);
    same(() => own.fromJson(json, { registry }), () => message);
    same(() => own.toJsonText(message, { registry }), () => toJsonString(desc, message, { registry }));
    same(() => own.toBinary(message), () => toBinary(desc, message));
    same(() => own.fromBinary(toBinary(desc, message)), () => fromBinary(desc, toBinary(desc, message)));
  }
});

test('times are written and read as the library does, at any moment', () => {
  const own = codecOf(TimestampSchema);
  fc.assert(fc.property(fc.bigInt({ min: -62_135_596_900n, max: 253_402_300_900n }), fc.oneof(fc.constantFrom(0, 1000, 1_000_000, 120_000_000), fc.integer({ min: -1, max: 1_000_000_000 })), (seconds, nanos) => {
    const time = create(TimestampSchema, { seconds, nanos });
    same(() => own.toJsonText(time), () => toJsonString(TimestampSchema, time));
    const text = outcome(() => toJsonString(TimestampSchema, time));
    if ('value' in text) same(() => own.fromJson(JSON.parse(text.value as string) as JsonValue), () => fromJsonString(TimestampSchema, text.value as string));
  }), { numRuns: 2000 });
});

test('a large message leaves room for the next, and bytes stay as they are when another is written', () => {
  const large = create(SpecimenSchema, { strings: Array.from({ length: 300 }, () => 'ü'.repeat(5000)), bytesValue: new Uint8Array(3_000_000).fill(1) });
  const first = codec.toBinary(create(SpecimenSchema, { stringValue: 'first' }));
  assert.deepEqual(Buffer.compare(codec.toBinary(large), toBinary(SpecimenSchema, large)), 0);
  assert.equal(codec.fromBinary(first).stringValue, 'first');
});

test('the compiled reader needs no help from the library', () => {
  const cells = new Map<DescMessage, { read: ReturnType<typeof compileBinaryReader> }>();
  const cellOf = (desc: DescMessage): { read: ReturnType<typeof compileBinaryReader> } => {
    const cell = cells.get(desc) ?? { read: (...args) => compileBinaryReader(desc, cellOf)(...args) };
    cells.set(desc, cell);
    return cell;
  };
  fc.assert(fc.property(specimen, (message) => {
    const bytes = toBinary(SpecimenSchema, message);
    if (Buffer.from(bytes).includes(Buffer.from('\ufffd'))) return;
    assert.deepStrictEqual(cellOf(SpecimenSchema).read({ bytes, at: 0 }, bytes.length, undefined, 1), fromBinary(SpecimenSchema, bytes));
  }), { numRuns: 200 });
});
