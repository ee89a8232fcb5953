import { getOption, type DescField } from '@bufbuild/protobuf';
import { field as fieldRules, type FieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';

const known = new WeakMap<DescField, FieldRules>();

/** The protovalidate rules of a field; empty ones if it has none. Kept, since reading an option decodes it anew each time. */
export function rulesOf(field: DescField): FieldRules {
  let rules = known.get(field);
  if (!rules) known.set(field, (rules = getOption(field, fieldRules)));
  return rules;
}
