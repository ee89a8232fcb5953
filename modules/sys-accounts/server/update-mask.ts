import type { FieldMask } from '@bufbuild/protobuf/wkt';
import { withViolations } from '@mainstay/kernel';
import { errors } from '../errors.ts';

/**
 * The new values of the fields that an update names (AIP-134): those of its mask, `*` for all, or without a
 * mask those that are not empty. Throws `NOT_UPDATABLE` for a field that is not among `updatable`.
 */
export function fieldsToUpdate<T extends Record<string, string>>(mask: FieldMask | undefined, updatable: T): Partial<T> {
  const paths = mask?.paths.length ? mask.paths : Object.keys(updatable).filter((field) => updatable[field] !== '');
  const wrong = paths.filter((path) => path !== '*' && !Object.hasOwn(updatable, path));
  if (wrong.length > 0) {
    const violations = wrong.map((path) => ({ field: 'update_mask', description: `${path} can not be changed; choose from ${Object.keys(updatable).join(', ')}`, reason: 'update_mask' }));
    throw withViolations(errors.NOT_UPDATABLE({ fields: wrong.join(', ') }), violations);
  }
  const chosen = Object.entries(updatable).filter(([field]) => paths.includes(field) || paths.includes('*'));
  return Object.fromEntries(chosen) as Partial<T>;
}
