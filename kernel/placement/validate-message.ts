import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator, type Validator } from '@bufbuild/protovalidate';
import { withViolations } from '../errors/define-errors.ts';
import { kernelErrors } from '../errors/kernel-errors.ts';

let validator: Validator | undefined;

/** Checks a request against its contract's protovalidate rules; throws `kernel.INVALID_REQUEST` with every field that is wrong. */
export function validateMessage<D extends DescMessage>(schema: D, message: MessageShape<D>): void {
  validator ??= createValidator();
  const result = validator.validate(schema, message);
  if (result.kind === 'valid') return;
  if (result.kind === 'error') throw result.error;
  const violations = result.violations.map(({ field, message, ruleId }) => ({ field: pathToString(field), description: message, reason: ruleId }));
  const summary = violations.map(({ field, description }) => (field ? `${field}: ${description}` : description)).join('; ');
  throw withViolations(kernelErrors.INVALID_REQUEST({ summary }), violations);
}
