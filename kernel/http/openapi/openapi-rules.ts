import type { FieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';

export type Schema = Record<string, unknown>;

/** The protovalidate rules of a field in the words of JSON Schema, as far as it has words for them; `type` is what the schema says already. */
export function ruleKeywords(rules: FieldRules | undefined, type: unknown): Schema {
  const { case: kind, value } = rules?.type ?? {};
  switch (kind) {
    case undefined:
      return {};
    case 'string':
      return stringKeywords(value as RulesOf<'string'>);
    case 'repeated': {
      const { minItems, maxItems, unique } = value as RulesOf<'repeated'>;
      return { ...number('minItems', minItems), ...number('maxItems', maxItems), ...(unique && { uniqueItems: true }) };
    }
    case 'map': {
      const { minPairs, maxPairs } = value as RulesOf<'map'>;
      return { ...number('minProperties', minPairs), ...number('maxProperties', maxPairs) };
    }
    case 'bytes': {
      const { maxLen } = value as RulesOf<'bytes'>;
      return maxLen ? { maxLength: Math.ceil(Number(maxLen) / 3) * 4 } : {};
    }
    default:
      return type === 'integer' || type === 'number' ? numberKeywords(value as NumberRules) : {};
  }
}

/** What the rules ask beyond what JSON Schema can say, as sentences for the description. */
export function ruleSentences(rules: FieldRules | undefined): string[] {
  return (rules?.cel ?? []).map(({ message, id }) => message || id).filter(Boolean);
}

type RulesOf<K extends NonNullable<FieldRules['type']['case']>> = Extract<FieldRules['type'], { case: K }>['value'];
type NumberRules = RulesOf<'int32'>;

const formats: Partial<Record<string, string>> = { email: 'email', hostname: 'hostname', ipv4: 'ipv4', ipv6: 'ipv6', uri: 'uri', uriRef: 'uri-reference', uuid: 'uuid', tuuid: 'tuuid', ulid: 'ulid' };
const escaped = (text: string) => text.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');

function stringKeywords(rules: RulesOf<'string'>): Schema {
  const format = rules.wellKnown.value === true ? formats[rules.wellKnown.case as string] : undefined;
  const affixes = rules.prefix || rules.suffix ? `^${escaped(rules.prefix)}.*${escaped(rules.suffix)}$` : '';
  const pattern = rules.pattern || affixes || escaped(rules.contains);
  return {
    ...number('minLength', rules.len || rules.minLen),
    ...number('maxLength', rules.len || rules.maxLen),
    ...(pattern && { pattern }),
    ...(format && { format }),
    ...(rules.in.length > 0 && { enum: rules.in }),
    ...(rules.const && { const: rules.const }),
  };
}

function numberKeywords({ greaterThan, lessThan, in: allowed }: NumberRules): Schema {
  return {
    ...(greaterThan.case && { [greaterThan.case === 'gt' ? 'exclusiveMinimum' : 'minimum']: Number(greaterThan.value) }),
    ...(lessThan.case && { [lessThan.case === 'lt' ? 'exclusiveMaximum' : 'maximum']: Number(lessThan.value) }),
    ...(allowed.length > 0 && { enum: allowed }),
  };
}

const number = (keyword: string, value: bigint): Schema => (value > 0n ? { [keyword]: Number(value) } : {});
