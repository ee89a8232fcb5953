import { isFieldSet, type DescMessage, type Message } from '@bufbuild/protobuf';
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import { invalidMask } from './query-errors.ts';
import { leads } from './read-mask.ts';

/**
 * The fields that an update changes (AIP-134): those its mask names, all of `updatable` for `*`, and without a mask
 * those that the message sets. A path into a field stands for the whole field. Throws `kernel.INVALID_MASK`.
 */
export function updatePaths<const F extends string>(schema: DescMessage, message: Message, mask: FieldMask | undefined, updatable: readonly F[]): Set<F> {
  const paths = mask?.paths ?? [];
  if (paths.length === 0) return new Set(updatable.filter((name) => isFieldSet(message, schema.field[localName(schema, name)]!)));
  const known = (path: string): F | undefined => updatable.find((name) => path === name || (path.startsWith(`${name}.`) && leads(schema, path.split('.'))));
  const wrong = paths.filter((path) => path !== '*' && !known(path));
  if (wrong.length > 0) throw invalidMask('update_mask', wrong.map((path) => `${path.slice(0, 60)} can not be changed; update_mask may name ${updatable.join(', ')}`));
  return new Set(paths.includes('*') ? updatable : paths.map((path) => known(path)!));
}

function localName(schema: DescMessage, name: string): string {
  const field = schema.fields.find((one) => one.name === name);
  if (!field) throw new Error(`${schema.typeName} has no field ${name}`);
  return field.localName;
}
