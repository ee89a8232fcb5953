import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import { timestampMs, type FieldMask, type Timestamp } from '@bufbuild/protobuf/wkt';
import type { FieldViolation } from '../errors/define-errors.ts';
import { rulesOf } from '../module/field-rules.ts';

export const mostPaths = 100;
const firstSecond = -62_135_596_800n;
const endMs = Date.UTC(10_000, 0);

/**
 * What is wrong with a message before its contract's rules are worth a look: times outside the years 1 to 9999, which
 * nothing can calculate with, and lists longer than their `max_items`, whose items would each be checked, for half a minute.
 */
export function unfitValues(schema: DescMessage, message: Message, path = ''): FieldViolation[] {
  return schema.fields.flatMap((field) => {
    const value = valueOf(message, field);
    if (value === undefined || (field.fieldKind !== 'list' && field.fieldKind !== 'message')) return [];
    const name = path ? `${path}.${field.name}` : field.name;
    if (Array.isArray(value)) return ofList(field, value, name);
    return isMessage(value) ? ofMessage(field.message!, value, name) : [];
  });
}

function ofList(field: DescField, items: unknown[], path: string): FieldViolation[] {
  const most = mostItems(field);
  if (items.length > most) return [{ field: path, description: `must contain no more than ${most} item(s)`, reason: 'repeated.max_items' }];
  return field.message ? items.flatMap((item, at) => (isMessage(item) ? ofMessage(field.message!, item, `${path}[${at}]`) : [])) : [];
}

function ofMessage(schema: DescMessage, message: Message, path: string): FieldViolation[] {
  switch (schema.typeName) {
    case 'google.protobuf.Timestamp':
      return isTime(message as Timestamp) ? [] : [{ field: path, description: 'must be a time from the year 1 to 9999', reason: 'timestamp.range' }];
    case 'google.protobuf.FieldMask':
      return (message as FieldMask).paths.length <= mostPaths ? [] : [{ field: path, description: `must name no more than ${mostPaths} fields`, reason: 'field_mask.max_paths' }];
    default:
      return unfitValues(schema, message, path);
  }
}

/** Rounded to what the database keeps, it must not become the year 10000, which JSON does not write. */
export const isTime = (time: Timestamp) => time.seconds >= firstSecond && time.nanos >= 0 && time.nanos < 1_000_000_000 && timestampMs(time) < endMs;

/** A struct or a wrapped value is plain JavaScript. */
const isMessage = (value: unknown): value is Message => typeof value === 'object' && value !== null && '$typeName' in value;

function valueOf(message: Message, field: DescField): unknown {
  const fields = message as unknown as Record<string, unknown>;
  if (!field.oneof) return fields[field.localName];
  const chosen = fields[field.oneof.localName] as { case?: string; value?: unknown };
  return chosen.case === field.localName ? chosen.value : undefined;
}

function mostItems(field: DescField): number {
  const type = rulesOf(field)?.type;
  return type?.case === 'repeated' && type.value.maxItems > 0n ? Number(type.value.maxItems) : Infinity;
}
