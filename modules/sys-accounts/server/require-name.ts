import { withViolations } from '@mainstay/kernel';
import { errors } from '../errors.ts';

/** Refuses a blank name. `field` is where the request has it. */
export function requireName(name: string, field: string): void {
  if (name.trim() === '') throw withViolations(errors.NAME_REQUIRED(), [{ field, description: 'must not be blank', reason: 'name.blank' }]);
}
