import type { DescField, DescMessage, Message } from '@bufbuild/protobuf';
import type { FieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { rulesOf } from '../module/field-rules.ts';

type Fields = Record<string, unknown>;

const concerned = new WeakMap<DescMessage, readonly DescField[]>();

/**
 * Puts the UUIDs of a request, the fields with the rule `string.uuid`, into lower case, as the database writes them
 * (RFC 9562 §4 takes both): code compares ids as text, and another spelling of one's own id must not pass for another's.
 */
export function canonicalIds(schema: DescMessage, message: Message): void {
  let fields = concerned.get(schema);
  if (!fields) concerned.set(schema, (fields = schema.fields.filter((field) => isId(field) || (field.message && field.fieldKind !== 'map'))));
  for (const field of fields) {
    const [place, key] = placeOf(message as unknown as Fields, field);
    if (place[key] === undefined) continue;
    place[key] = Array.isArray(place[key]) ? place[key].map((item) => canonical(field, item)) : canonical(field, place[key]);
  }
}

function canonical(field: DescField, value: unknown): unknown {
  if (typeof value === 'string') return isId(field) ? value.toLowerCase() : value;
  if (field.message && typeof value === 'object' && value !== null && '$typeName' in value) canonicalIds(field.message, value as Message);
  return value;
}

/** The object and key that hold the value of a field. */
function placeOf(fields: Fields, { oneof, localName }: DescField): [Fields, string] {
  if (!oneof) return [fields, localName];
  const chosen = fields[oneof.localName] as Fields;
  return chosen.case === localName ? [chosen, 'value'] : [{}, 'value'];
}

function isId(field: DescField): boolean {
  const rules = rulesOf(field);
  return isUuid(rules) || (rules?.type.case === 'repeated' && isUuid(rules.type.value.items));
}

const isUuid = (rules: FieldRules | undefined): boolean => rules?.type.case === 'string' && rules.type.value.wellKnown.case === 'uuid' && rules.type.value.wellKnown.value;
