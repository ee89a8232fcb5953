import { getOption, ScalarType, type DescEnum, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { sensitive } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import type { FieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { rulesOf } from '../../module/field-rules.ts';
import { ruleKeywords, ruleSentences, type Schema } from './openapi-rules.ts';

/** What the contracts' authors wrote, by full name. */
export type Comments = Readonly<Record<string, string>>;

/** Turns messages and enums into JSON Schemas of their ProtoJSON form, and collects them as components. */
export class SchemaCollection {
  readonly schemas: Record<string, Schema> = {};
  readonly #comments: Comments;

  constructor(comments: Comments) {
    this.#comments = comments;
  }

  /** A reference to a message's schema; well-known types stand in place. */
  message(message: DescMessage): Schema {
    const wellKnown = wellKnownSchema(message);
    if (wellKnown) return wellKnown;
    if (!(message.typeName in this.schemas)) {
      // Reserved first: a message may hold itself.
      this.schemas[message.typeName] = {};
      this.schemas[message.typeName] = this.object(message);
    }
    return { $ref: `#/components/schemas/${message.typeName}` };
  }

  /** A message's schema in place, without the fields that come from elsewhere. */
  object(message: DescMessage, without: readonly DescField[] = []): Schema {
    const fields = message.fields.filter((field) => !without.includes(field));
    const required = fields.filter((field) => rulesOf(field)?.required).map(({ jsonName }) => jsonName);
    const choices = message.oneofs.map(({ fields }) => `At most one of ${fields.map(({ jsonName }) => jsonName).join(', ')} is set.`);
    return {
      type: 'object',
      ...describe(this.#comments[message.typeName], choices),
      properties: Object.fromEntries(fields.map((field) => [field.jsonName, this.field(field)])),
      ...(required.length > 0 && { required }),
    };
  }

  field(field: DescField): Schema {
    const rules = rulesOf(field);
    const description = describe(this.#comments[`${field.parent.typeName}.${field.name}`], ruleSentences(rules));
    if (field.fieldKind === 'list') return { type: 'array', items: this.#element(field, innerRules(rules, 'items')), ...ruleKeywords(rules, 'array'), ...description };
    if (field.fieldKind === 'map') {
      return { type: 'object', additionalProperties: this.#element(field, innerRules(rules, 'values')), ...ruleKeywords(rules, 'object'), ...description };
    }
    return { ...this.#element(field, rules), ...description, ...(getOption(field, sensitive) && { format: 'password' }) };
  }

  /** What a field is about, for a parameter. */
  comment(field: DescField): Schema {
    return describe(this.#comments[`${field.parent.typeName}.${field.name}`], ruleSentences(rulesOf(field)));
  }

  #element(field: DescField, rules: FieldRules | undefined): Schema {
    if (field.message) return this.message(field.message);
    if (field.enum) return this.#enum(field.enum);
    const schema = scalarSchema(field.scalar!);
    return { ...schema, ...ruleKeywords(rules, schema.type) };
  }

  #enum(desc: DescEnum): Schema {
    if (desc.typeName === 'google.protobuf.NullValue') return { type: 'null' };
    const values = desc.values.map(({ name }) => ({ name, comment: this.#comments[`${desc.typeName}.${name}`] }));
    const list = values.filter(({ comment }) => comment).map(({ name, comment }) => `- \`${name}\`: ${comment}`).join('\n');
    this.schemas[desc.typeName] ??= { type: 'string', enum: values.map(({ name }) => name), ...describe(this.#comments[desc.typeName], list ? [`\n\n${list}`] : []) };
    return { $ref: `#/components/schemas/${desc.typeName}` };
  }
}

function describe(comment: string | undefined, sentences: readonly string[]): Schema {
  const description = [comment, ...sentences].filter(Boolean).join(' ');
  return description ? { description } : {};
}

function innerRules(rules: FieldRules | undefined, which: 'items' | 'values'): FieldRules | undefined {
  const inner = rules?.type.value as Partial<Record<'items' | 'values', FieldRules>> | undefined;
  return inner?.[which];
}

const int64: Schema = { type: 'string', format: 'int64', pattern: '^-?[0-9]+$' };
const uint64: Schema = { type: 'string', format: 'uint64', pattern: '^[0-9]+$' };

function scalarSchema(scalar: ScalarType): Schema {
  switch (scalar) {
    case ScalarType.STRING: return { type: 'string' };
    case ScalarType.BOOL: return { type: 'boolean' };
    case ScalarType.BYTES: return { type: 'string', contentEncoding: 'base64' };
    case ScalarType.DOUBLE: return { type: 'number', format: 'double' };
    case ScalarType.FLOAT: return { type: 'number', format: 'float' };
    case ScalarType.UINT32: case ScalarType.FIXED32: return { type: 'integer', format: 'uint32', minimum: 0 };
    case ScalarType.INT32: case ScalarType.SINT32: case ScalarType.SFIXED32: return { type: 'integer', format: 'int32' };
    case ScalarType.INT64: case ScalarType.SINT64: case ScalarType.SFIXED64: return int64;
    case ScalarType.UINT64: case ScalarType.FIXED64: return uint64;
  }
}

/** The JSON forms of the well-known types (ProtoJSON). */
function wellKnownSchema({ typeName, fields }: DescMessage): Schema | undefined {
  if (/^google\.protobuf\.(Double|Float|U?Int32|U?Int64|Bool|String|Bytes)Value$/.test(typeName)) {
    const schema = scalarSchema(fields[0]!.scalar!);
    return { ...schema, type: [schema.type, 'null'] };
  }
  switch (typeName) {
    case 'google.protobuf.Timestamp': return { type: 'string', format: 'date-time' };
    case 'google.protobuf.Duration': return { type: 'string', pattern: '^-?[0-9]+(\\.[0-9]{1,9})?s$', examples: ['90s'] };
    case 'google.protobuf.FieldMask': return { type: 'string', examples: ['title,dueTime'] };
    case 'google.protobuf.Empty': return { type: 'object', additionalProperties: false };
    case 'google.protobuf.Struct': return { type: 'object', additionalProperties: true };
    case 'google.protobuf.Value': return {};
    case 'google.protobuf.ListValue': return { type: 'array', items: {} };
    case 'google.protobuf.Any': return { type: 'object', properties: { '@type': { type: 'string' } }, required: ['@type'], additionalProperties: true };
    default: return undefined;
  }
}
