import { getOption, hasOption, type DescField } from '@bufbuild/protobuf';
import { field as fieldRules, type FieldRules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';

const known = new WeakMap<DescField, FieldRules | undefined>();

/** The protovalidate rules of a field, if it has any. Kept, since reading an option decodes it anew each time. */
export function rulesOf(field: DescField): FieldRules | undefined {
  if (!known.has(field)) known.set(field, hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined);
  return known.get(field);
}
