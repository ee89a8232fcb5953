import { ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { Tree } from './any-tree.ts';
import { bytesOf, hostileTimes, numberOf } from './hostile-values.ts';

const edges = [0n, -1n, -62_135_596_800n, -62_135_596_801n, 253_402_300_799n, 253_402_300_800n, 2n ** 63n - 1n, -(2n ** 63n)];

/**
 * A request as protobuf. What does not fit its field is written as it would be by a sender with another contract: with
 * another wire type, under a number that is not known, as bytes that are no UTF-8 and no message.
 */
export function binaryOf(schema: DescMessage, tree: Tree): Uint8Array {
  return written(schema, tree, new BinaryWriter()).finish();
}

function written(schema: DescMessage, tree: Tree, writer: BinaryWriter): BinaryWriter {
  for (const [name, value] of Object.entries(tree)) {
    const field = schema.fields.find(({ jsonName, name: own }) => jsonName === name || own === name);
    if (!field) writer.tag(19_999, WireType.LengthDelimited).bytes(bytesOf(String(JSON.stringify(value))));
    else writeField(field, value, writer);
  }
  return writer;
}

function writeField(field: DescField, value: unknown, writer: BinaryWriter): void {
  if (field.fieldKind === 'map' && isTree(value)) {
    for (const [key, item] of Object.entries(value)) {
      writer.tag(field.number, WireType.LengthDelimited).fork();
      writeScalar(1, field.mapKey, key === 'true' ? true : key === 'false' ? false : key, writer);
      writeSingle({ number: 2, message: field.message, enum: field.enum, scalar: field.scalar } as Single, item, writer);
      writer.join();
    }
    return;
  }
  for (const item of field.fieldKind === 'list' && Array.isArray(value) ? value : [value]) writeSingle(field as Single, item, writer);
}

type Single = Pick<DescField, 'number' | 'message' | 'enum' | 'scalar'>;

function writeSingle({ number, message, enum: names, scalar }: Single, value: unknown, writer: BinaryWriter): void {
  if (message) {
    writer.tag(number, WireType.LengthDelimited).fork();
    writeMessage(message, value, writer);
    writer.join();
  } else if (names) {
    writeScalar(number, ScalarType.INT32, names.values.find(({ name }) => name === value)?.number ?? value, writer);
  } else {
    writeScalar(number, scalar!, value, writer);
  }
}

function writeMessage(message: DescMessage, value: unknown, writer: BinaryWriter): void {
  if (message.typeName === 'google.protobuf.Timestamp' && typeof value === 'string') {
    const milliseconds = Date.parse(value);
    const seconds = Number.isNaN(milliseconds) ? edges[hostileTimes.indexOf(value) % edges.length] ?? edges[value.length % edges.length]! : BigInt(Math.floor(milliseconds / 1000));
    writer.tag(1, WireType.Varint).int64(seconds).tag(2, WireType.Varint).int32([0, 1, 999_999_999, 1_000_000_000, -1][value.length % 5]!);
  } else if (message.typeName === 'google.protobuf.FieldMask' && typeof value === 'string') {
    for (const path of value.split(',')) writer.tag(1, WireType.LengthDelimited).bytes(bytesOf(path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)));
  } else if (value === '\ue001' || value === '\ue002') {
    writer.raw(deepOf(message));
  } else if (isTree(value)) {
    written(message, value, writer);
  } else {
    writer.raw(bytesOf(String(JSON.stringify(value))));
  }
}

/** Ten thousand messages within each other, in a field that takes one of its own kind, or as groups that nobody knows. */
function deepOf(message: DescMessage): Uint8Array {
  const inner = message.fields.find((field) => field.message === message);
  if (!inner) return new Uint8Array(10_000).fill((1000 << 3) & 0x7f | WireType.StartGroup);
  let bytes: Uint8Array = new Uint8Array();
  for (let depth = 0; depth < 2000; depth++) bytes = new BinaryWriter().tag(inner.number, WireType.LengthDelimited).bytes(bytes).finish();
  return bytes;
}

const isTree = (value: unknown): value is Tree => typeof value === 'object' && value !== null && !Array.isArray(value);

function writeScalar(number: number, type: ScalarType, value: unknown, writer: BinaryWriter): void {
  if (type === ScalarType.STRING || type === ScalarType.BYTES) {
    if (typeof value === 'string') writer.tag(number, WireType.LengthDelimited).bytes(type === ScalarType.BYTES ? Buffer.from(value, 'base64') : bytesOf(value));
    else writer.tag(number, WireType.Varint).uint64(7n);
    return;
  }
  const amount = typeof value === 'boolean' ? Number(value) : numberOf(value);
  if (amount === undefined) writer.tag(number, WireType.LengthDelimited).bytes(bytesOf(String(JSON.stringify(value))));
  else writeNumber(number, type, amount, writer);
}

function writeNumber(number: number, type: ScalarType, amount: number, writer: BinaryWriter): void {
  const whole = Number.isFinite(amount) ? BigInt(Math.trunc(amount)) : 2n ** 63n;
  switch (type) {
    case ScalarType.DOUBLE: writer.tag(number, WireType.Bit64).double(amount); break;
    case ScalarType.FLOAT: writer.tag(number, WireType.Bit32).raw(new Uint8Array(new Float32Array([amount]).buffer)); break;
    case ScalarType.FIXED32: case ScalarType.SFIXED32: writer.tag(number, WireType.Bit32).raw(new Uint8Array(new Uint32Array([Number(BigInt.asUintN(32, whole))]).buffer)); break;
    case ScalarType.FIXED64: case ScalarType.SFIXED64: writer.tag(number, WireType.Bit64).fixed64(BigInt.asUintN(64, whole)); break;
    // A varint may say more than 32 bits: receivers keep the lower ones.
    default: writer.tag(number, WireType.Varint).uint64(BigInt.asUintN(64, type === ScalarType.SINT32 || type === ScalarType.SINT64 ? (whole < 0n ? -2n * whole - 1n : 2n * whole) : whole));
  }
}
