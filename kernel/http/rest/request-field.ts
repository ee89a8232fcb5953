import { ScalarType, type DescField, type DescMessage, type JsonObject, type JsonValue } from '@bufbuild/protobuf';

/** A field, however deep, that a path variable or a query parameter can fill. */
export interface RequestField {
  /** From the request message down to the field itself. */
  path: readonly DescField[];
  repeated: boolean;
  /** Turns text into the ProtoJSON that `fromJson` converts and checks. */
  toJson(text: string): JsonValue;
}

const written = new Set(['Timestamp', 'Duration', 'FieldMask', 'BoolValue', 'BytesValue', 'DoubleValue', 'FloatValue', 'Int32Value', 'Int64Value', 'StringValue', 'UInt32Value', 'UInt64Value'].map((name) => `google.protobuf.${name}`));

/** Well-known messages that JSON writes as one string, number or boolean. */
export const isWrittenAsScalar = (message: DescMessage): boolean => written.has(message.typeName);

/** A message's field by its name in the contract or its name in JSON. */
export const fieldNamed = (message: DescMessage, name: string): DescField | undefined => message.fields.find((field) => field.name === name || field.jsonName === name);

/** Finds the field of a dotted path; nothing if there is none, or if text cannot fill it (a message, a map). */
export function requestField(message: DescMessage, dotted: string): RequestField | undefined {
  const path: DescField[] = [];
  let within: DescMessage | undefined = message;
  for (const name of dotted.split('.')) {
    const field: DescField | undefined = within && fieldNamed(within, name);
    if (!field) return undefined;
    path.push(field);
    within = field.fieldKind === 'message' && !isWrittenAsScalar(field.message) ? field.message : undefined;
  }
  const last = path.at(-1)!;
  if (last.fieldKind === 'map' || (last.message && !isWrittenAsScalar(last.message))) return undefined;
  return { path, repeated: last.fieldKind === 'list', toJson: textConversion(last) };
}

/** The dotted path of a field in the names of the contract, as violations name it. */
export const nameOf = (path: readonly DescField[]): string => path.map((field) => field.name).join('.');

function textConversion(field: DescField): (text: string) => JsonValue {
  if (field.message?.typeName === 'google.protobuf.BoolValue' || (!field.message && field.scalar === ScalarType.BOOL)) return (text) => (text === 'true' ? true : text === 'false' ? false : text);
  if (field.enum) return (text) => (/^-?\d+$/.test(text) ? Number(text) : text);
  // In a query the contract's own names are as good as JSON's.
  if (field.message?.typeName === 'google.protobuf.FieldMask') return (text) => text.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return (text) => text;
}

/** What the object holds at the field, under either of its names. */
export function valueAt(object: JsonObject, path: readonly DescField[]): JsonValue | undefined {
  let value: JsonValue | undefined = object;
  for (const field of path) {
    if (!isObject(value)) return undefined;
    value = Object.hasOwn(value, field.jsonName) ? value[field.jsonName] : Object.hasOwn(value, field.name) ? value[field.name] : undefined;
  }
  return value;
}

/** Sets the field, making the objects on the way. What stands in the way is left for `fromJson` to refuse. */
export function setValueAt(object: JsonObject, path: readonly DescField[], value: JsonValue): void {
  let target = object;
  for (const field of path.slice(0, -1)) {
    const inner = (target[keyOf(target, field)] ??= {});
    if (!isObject(inner)) return;
    target = inner;
  }
  target[keyOf(target, path.at(-1)!)] = value;
}

export const isObject = (value: JsonValue | undefined): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value);

const keyOf = (object: JsonObject, field: DescField) => (Object.hasOwn(object, field.name) ? field.name : field.jsonName);
