import { getOption, ScalarType, type DescField, type DescMessage, type JsonObject, type JsonReadOptions, type JsonValue } from '@bufbuild/protobuf';
import { sensitive } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { codecOf } from '../../codec/codec-of.ts';
import type { FieldViolation } from '../../errors/define-errors.ts';
import { fieldNamed, isObject } from './request-field.ts';

/** More violations than this help nobody; deeper ones cost more to find than they tell. */
const most = 50;
const deepest = 12;

/**
 * Says which fields of a JSON object do not fit a message, and why, after `fromJson` refused it:
 * that names only the first, and not where it lies.
 */
export function jsonViolations(message: DescMessage, json: JsonObject, options: Partial<JsonReadOptions>, path = '', depth = 0): FieldViolation[] {
  const violations: FieldViolation[] = [];
  for (const [key, value] of Object.entries(json)) {
    if (violations.length >= most) break;
    const field = fieldNamed(message, key);
    if (!field) violations.push({ field: path + key, description: `there is no such field${suggestion(message)}`, reason: 'unknown_field' });
    else if (key !== field.name && Object.hasOwn(json, field.name)) violations.push({ field: path + field.name, description: `is given twice, as ${field.name} and as ${key}`, reason: 'repeated_field' });
    else violations.push(...valueViolations(message, field, value, options, path + field.name, depth));
  }
  return violations.slice(0, most);
}

function valueViolations(message: DescMessage, field: DescField, value: JsonValue, options: Partial<JsonReadOptions>, path: string, depth: number): FieldViolation[] {
  if (fits(message, field, value, options)) return [];
  if (field.fieldKind === 'list' && Array.isArray(value)) return ofEach(value, (item, index) => elementViolations(message, field, item, [item], options, `${path}[${index}]`, depth));
  if (field.fieldKind === 'map' && isObject(value)) return ofEach(Object.entries(value), ([key, item]) => elementViolations(message, field, item, { [key]: item }, options, `${path}[${JSON.stringify(key)}]`, depth));
  if (field.fieldKind === 'message') return messageViolations(field, value, options, path, depth);
  return [{ field: path, description: `expected ${expected(field)}, got ${got(value, field)}`, reason: 'wrong_type' }];
}

/** Stops when there are enough: a list may have as many wrong items as the body has room for. */
function ofEach<T>(items: readonly T[], violationsOf: (item: T, index: number) => FieldViolation[]): FieldViolation[] {
  const violations: FieldViolation[] = [];
  for (const [index, item] of items.entries()) {
    if (violations.length >= most) break;
    violations.push(...violationsOf(item, index));
  }
  return violations;
}

function elementViolations(message: DescMessage, field: DescField, item: JsonValue, alone: JsonValue, options: Partial<JsonReadOptions>, path: string, depth: number): FieldViolation[] {
  if (fits(message, field, alone, options)) return [];
  if (field.message) return messageViolations(field, item, options, path, depth);
  return [{ field: path, description: `expected ${expectedElement(field)}, got ${got(item, field)}`, reason: 'wrong_type' }];
}

function messageViolations(field: DescField, value: JsonValue, options: Partial<JsonReadOptions>, path: string, depth: number): FieldViolation[] {
  const wrong = { field: path, description: `expected ${expectedElement(field)}, got ${got(value, field)}`, reason: 'wrong_type' };
  if (!isObject(value) || depth >= deepest || field.message!.typeName.startsWith('google.protobuf.')) return [wrong];
  const inner = jsonViolations(field.message!, value, options, `${path}.`, depth + 1);
  return inner.length > 0 ? inner : [wrong];
}

/** Asks the codec itself, with this field alone, so that the rules of ProtoJSON are written down only there. */
function fits(message: DescMessage, field: DescField, value: JsonValue, options: Partial<JsonReadOptions>): boolean {
  try {
    codecOf(message).fromJson({ [field.jsonName]: value }, options);
    return true;
  } catch {
    return false;
  }
}

function expected(field: DescField): string {
  if (field.fieldKind === 'list') return 'an array';
  if (field.fieldKind === 'map') return 'an object';
  return expectedElement(field);
}

function expectedElement(field: DescField): string {
  if (field.enum) return `one of ${field.enum.values.map(({ name }) => name).join(', ')}`;
  if (field.message) return messageForms[field.message.typeName] ?? 'an object';
  return scalarForms[field.scalar!];
}

function got(value: JsonValue, field: DescField): string {
  if (getOption(field, sensitive)) return 'something else';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value);
  return text.length > 40 ? `a ${typeof value} of ${text.length} characters` : text;
}

function suggestion(message: DescMessage): string {
  return message.fields.length > 0 && message.fields.length <= 20 ? `; there are ${message.fields.map(({ name }) => name).join(', ')}` : '';
}

const int32 = 'a whole number from -2147483648 to 2147483647';
const uint32 = 'a whole number from 0 to 4294967295';
const int64 = 'a whole number of 64 bits, as a string';
const uint64 = 'a whole number of 64 bits from 0 up, as a string';
const scalarForms: Record<ScalarType, string> = {
  [ScalarType.DOUBLE]: 'a number', [ScalarType.FLOAT]: 'a number', [ScalarType.BOOL]: 'true or false', [ScalarType.STRING]: 'a string', [ScalarType.BYTES]: 'bytes in base64',
  [ScalarType.INT32]: int32, [ScalarType.SINT32]: int32, [ScalarType.SFIXED32]: int32, [ScalarType.UINT32]: uint32, [ScalarType.FIXED32]: uint32,
  [ScalarType.INT64]: int64, [ScalarType.SINT64]: int64, [ScalarType.SFIXED64]: int64, [ScalarType.UINT64]: uint64, [ScalarType.FIXED64]: uint64,
};
const messageForms: Record<string, string> = {
  'google.protobuf.Timestamp': 'a time that exists, such as 2026-03-31T12:00:00Z',
  'google.protobuf.Duration': 'seconds such as 90s',
  'google.protobuf.FieldMask': 'field names such as title,dueTime',
  'google.protobuf.BoolValue': 'true or false',
  'google.protobuf.StringValue': 'a string',
  'google.protobuf.Int32Value': int32,
  'google.protobuf.UInt32Value': uint32,
  'google.protobuf.Int64Value': int64,
  'google.protobuf.UInt64Value': uint64,
  'google.protobuf.DoubleValue': 'a number',
  'google.protobuf.FloatValue': 'a number',
  'google.protobuf.BytesValue': 'bytes in base64',
  'google.protobuf.ListValue': 'an array',
  'google.protobuf.Any': 'an object with an @type that a contract here knows, and fields that fit it',
};
