import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clone, create, createRegistry, equals, fromBinary, toBinary, type DescMessage } from '@bufbuild/protobuf';
import { FieldDescriptorProto_Type, FieldDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import fc from 'fast-check';
import { OldSpecimenSchema, Specimen_PartSchema, SpecimenSchema } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { anySpecimen } from '../testing/any-specimen.ts';
import { compileCopy, type Copy } from './compile-copy.ts';
import { copierOf } from './copy-message.ts';

const copySpecimen = copierOf(SpecimenSchema);

test('a copy is what the other end of a wire would read', () => {
  fc.assert(fc.property(anySpecimen, (init) => {
    const message = create(SpecimenSchema, init);
    const sent = fromBinary(SpecimenSchema, toBinary(SpecimenSchema, message));
    assert.deepEqual(copySpecimen(init), sent);
    assert.deepEqual(copySpecimen(message), sent);
  }), { numRuns: 500 });
});

test('a copy equals the library’s clone, byte for byte', () => {
  fc.assert(fc.property(anySpecimen.filter((init) => !hasNaN(init)), (init) => {
    const message = create(SpecimenSchema, init);
    const copy = copySpecimen(message);
    assert.ok(equals(SpecimenSchema, copySpecimen(clone(SpecimenSchema, message)), copy, { unknown: true, registry: createRegistry() }));
    assert.deepEqual(toBinary(SpecimenSchema, copy), toBinary(SpecimenSchema, clone(SpecimenSchema, message)));
  }), { numRuns: 300 });
});

test('a copy shares no object and no memory with the original', () => {
  fc.assert(fc.property(anySpecimen, (init) => {
    const message = create(SpecimenSchema, init);
    const originals = new Set(objectsIn(message));
    for (const object of objectsIn(copySpecimen(message))) assert.ok(!originals.has(object), 'an object is shared');
  }), { numRuns: 200 });
});

test('the compiled function needs no help from the library', () => {
  const strict = strictCopy(SpecimenSchema);
  fc.assert(fc.property(anySpecimen, (init) => assert.deepEqual(strict(init), copySpecimen(init))), { numRuns: 200 });
  assert.throws(() => strict({ int64Value: '12' }), TypeError);
});

test('fields that only the newer contract knows pass through, nested ones too', () => {
  const newer = toBinary(SpecimenSchema, create(SpecimenSchema, { stringValue: 'a', part: { name: 'b' }, numbers: [1n] }));
  const older = fromBinary(OldSpecimenSchema, newer);
  const copy = copierOf(OldSpecimenSchema)(older);
  assert.equal(copy.$unknown?.length, 2);
  assert.notEqual(copy.$unknown![0]!.data, older.$unknown![0]!.data);
  assert.deepEqual(fromBinary(SpecimenSchema, toBinary(OldSpecimenSchema, copy)), fromBinary(SpecimenSchema, newer));
});

test('presence tracked by own properties, as in proto2, survives', () => {
  const type = FieldDescriptorProto_Type.BYTES;
  const copy = copierOf(FieldDescriptorProtoSchema)(create(FieldDescriptorProtoSchema, { name: '', type, options: { packed: false } }));
  assert.deepEqual(copy, create(FieldDescriptorProtoSchema, { name: '', type, options: { packed: false } }));
  assert.ok(Object.hasOwn(copy, 'name') && !Object.hasOwn(copy, 'number'));
  assert.equal(copy.number, 0);
});

test('a buffer arrives as bytes of its own', () => {
  const buffer = Buffer.from('shared');
  const copy = copySpecimen({ bytesValue: buffer });
  buffer.fill(0);
  assert.equal(Buffer.from(copy.bytesValue).toString(), 'shared');
  assert.equal(copy.bytesValue.constructor, Uint8Array);
});

test('integers that the library can convert are converted', () => {
  const loose = { int64Value: '12', numbers: [3], textNumber: '9007199254740993' } as never;
  assert.deepEqual(copySpecimen(loose), create(SpecimenSchema, { int64Value: 12n, numbers: [3n], textNumber: '9007199254740993' }));
});

for (const [what, init] of Object.entries({
  'a number for a string': { stringValue: 1 },
  'a fraction for an integer': { int32Value: 1.5 },
  'an integer out of range': { uint32Value: 2 ** 32 },
  'an integer out of 64 bits': { uint64Value: -1n },
  'a float out of range': { floatValue: 1e39 },
  'a string for a flag': { boolValue: 'yes' },
  'an empty place in a list': { strings: ['a', undefined] },
  'half a character': { stringValue: '\ud800' },
  'a text for bytes': { chunks: ['a'] },
  'a wrong key': { partsByNumber: { a: {} } },
  'a key in another notation': { partsByNumber: { '01': { name: 'a' } } },
  'a date in JSON': { struct: { at: new Date(0) } },
})) {
  test(`${what} fares as on a wire: converted or refused`, () => {
    const outcome = (work: () => unknown) => { try { return work(); } catch { return 'refused'; } };
    const sent = outcome(() => fromBinary(SpecimenSchema, toBinary(SpecimenSchema, create(SpecimenSchema, init as never))));
    assert.deepEqual(outcome(() => copySpecimen(init as never)), sent);
  });
}

test('a value that cannot be written is an internal error', () => {
  assert.throws(() => copySpecimen({ int32Value: 1.5 }), (error) => error instanceof ConnectError && error.code === Code.Internal && error.rawMessage.startsWith('serialize binary: '));
});

test('a message within itself is refused, not followed for ever', () => {
  const part = create(Specimen_PartSchema, { name: 'ring' });
  part.parts.push(part);
  assert.throws(() => copierOf(Specimen_PartSchema)(part), (error) => error instanceof ConnectError && error.code === Code.Internal);
});

/** Without the library to fall back on. */
function strictCopy(desc: DescMessage): Copy {
  const cells = new Map<DescMessage, { copy: Copy }>();
  const cellOf = (type: DescMessage): { copy: Copy } => {
    if (!cells.has(type)) cells.set(type, { copy: (message) => compileCopy(type, cellOf)(message) });
    return cells.get(type)!;
  };
  return cellOf(desc).copy;
}

/** Every object within, and the memory of bytes; empty bytes hold nothing to share. */
function objectsIn(value: object): object[] {
  if (value instanceof Uint8Array) return value.length > 0 ? [value, value.buffer] : [];
  return [value, ...Object.values(value).flatMap((item) => (typeof item === 'object' && item !== null ? objectsIn(item) : []))];
}

const hasNaN = (value: unknown): boolean => Number.isNaN(value) || (typeof value === 'object' && value !== null && !(value instanceof Uint8Array) && Object.values(value).some(hasNaN));
