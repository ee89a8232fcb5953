import { fromBinary, fromJson, toBinary, toJson, type DescMessage, type JsonReadOptions, type JsonValue, type JsonWriteOptions, type MessageShape } from '@bufbuild/protobuf';
import { finished } from './binary-output.ts';
import { compileBinaryReader, type BinaryRead } from './compile-binary-reader.ts';
import { compileBinaryWriter, type BinaryWrite } from './compile-binary-writer.ts';
import { compileJsonReader, type JsonRead } from './compile-json-reader.ts';
import { compileJsonWriter, type JsonWrite } from './compile-json-writer.ts';
import { isCompilable } from './field-shape.ts';
import { refuseImpossibleTimes } from './refuse-impossible-times.ts';

export type JsonReading = Pick<Partial<JsonReadOptions>, 'registry' | 'ignoreUnknownFields'>;
export type JsonWriting = Pick<Partial<JsonWriteOptions>, 'registry' | 'alwaysEmitImplicit'>;

/**
 * Binary and ProtoJSON of one message type, with the results and the errors of protobuf-es and several times its speed:
 * functions compiled for the type's fields. Whatever they do not expect, they leave to the library. Only times that do
 * not exist, such as 2026-02-30T00:00:00Z, are refused here where the library stores another.
 */
export interface Codec<D extends DescMessage> {
  toBinary(message: MessageShape<D>): Uint8Array<ArrayBuffer>;
  fromBinary(bytes: Uint8Array): MessageShape<D>;
  /** The text of ProtoJSON. */
  toJsonText(message: MessageShape<D>, options?: JsonWriting): string;
  /** From a value that JSON.parse gave. */
  fromJson(json: JsonValue, options?: JsonReading): MessageShape<D>;
}

const codecs = new WeakMap<DescMessage, Codec<DescMessage>>();

/** The codec of a message type; it is compiled once, when it is first used. */
export function codecOf<D extends DescMessage>(desc: D): Codec<D> {
  let codec = codecs.get(desc);
  if (!codec) codecs.set(desc, (codec = isCompilable(desc) ? compiled(desc) : ofLibrary(desc)));
  return codec as Codec<D>;
}

function ofLibrary(desc: DescMessage): Codec<DescMessage> {
  return {
    toBinary: (message) => toBinary(desc, message),
    fromBinary: (bytes) => fromBinary(desc, bytes),
    toJsonText: (message, options) => JSON.stringify(toJson(desc, message, options)),
    fromJson: (json, options) => {
      refuseImpossibleTimes(desc, json, options?.registry);
      return fromJson(desc, json, options);
    },
  };
}

function compiled(desc: DescMessage): Codec<DescMessage> {
  const library = ofLibrary(desc);
  const [writer, reader, jsonWriter, fullJsonWriter, jsonReader] = [binaryWriter(desc), binaryReader(desc), sparseWriter(desc), fullWriter(desc), jsonReaders(desc)];
  return {
    toBinary: orElse((message) => finished(writer.write(message, 0)), library.toBinary),
    fromBinary: orElse((bytes) => reader.read({ bytes, at: 0, latin: undefined }, bytes.length, undefined, 1) as never, library.fromBinary),
    toJsonText: orElse((message, options = {}) => (options.alwaysEmitImplicit ? fullJsonWriter : jsonWriter).write(message, options), library.toJsonText),
    fromJson: orElse((json) => jsonReader.read(json, 1) as never, library.fromJson),
  };
}

/** What the compiled function refuses, the library does or refuses in its own words. */
function orElse<A extends unknown[], R>(fast: (...args: A) => R, library: (...args: A) => R): (...args: A) => R {
  return (...args) => {
    try {
      return fast(...args);
    } catch {
      return library(...args);
    }
  };
}

const binaryReader = cells<'read', BinaryRead>('read', compileBinaryReader);
const binaryWriter = cells<'write', BinaryWrite>('write', compileBinaryWriter);
const sparseWriter = cells<'write', JsonWrite>('write', (desc, cellOf) => compileJsonWriter(desc, false, cellOf));
const fullWriter = cells<'write', JsonWrite>('write', (desc, cellOf) => compileJsonWriter(desc, true, cellOf));
const jsonReaders = cells<'read', JsonRead>('read', compileJsonReader);

/** Holds a function for each type, compiled on first use, so that message types may contain each other. */
function cells<K extends string, F extends (...args: never[]) => unknown>(key: K, compile: (desc: DescMessage, cellOf: (desc: DescMessage) => Record<K, F>) => F): (desc: DescMessage) => Record<K, F> {
  const known = new WeakMap<DescMessage, Record<K, F>>();
  return function cellOf(desc) {
    const found = known.get(desc);
    if (found) return found;
    const cell = { [key]: ((...args: never[]) => (cell[key] = compile(desc, cellOf))(...args)) as F } as Record<K, F>;
    known.set(desc, cell);
    return cell;
  };
}
