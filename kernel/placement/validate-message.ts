import { create, type DescMessage, type MessageShape } from '@bufbuild/protobuf';
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

/** Compiles the rules of these messages one by one while nothing else is to do: the first check of a type costs up to 0.1 s. */
export function warmValidator(schemas: readonly DescMessage[]): void {
  const rest = [...new Set(schemas)];
  const next = () => {
    const schema = rest.pop();
    if (!schema) return;
    validator ??= createValidator();
    validator.validate(schema, create(schema));
    setImmediate(next);
  };
  setImmediate(next);
}
