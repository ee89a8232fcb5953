import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { pathToString } from '@bufbuild/protobuf/reflect';
import { createValidator, type Validator } from '@bufbuild/protovalidate';
import { withViolations, type FieldViolation } from '../errors/define-errors.ts';
import { kernelErrors } from '../errors/kernel-errors.ts';
import { canonicalIds } from './canonical-ids.ts';
import { checkOf } from './compile-check.ts';
import { unfitValues } from './unfit-values.ts';

let validator: Validator | undefined;

/** Checks a request against its contract's protovalidate rules; throws `kernel.INVALID_REQUEST` with every field that is wrong. Its ids are in lower case afterwards. */
export function validateMessage<D extends DescMessage>(schema: D, message: MessageShape<D>): void {
  if (checkOf(schema).check(message)) return;
  const unfit = unfitValues(schema, message);
  if (unfit.length > 0) throw invalidRequest(unfit);
  validator ??= createValidator();
  const result = validator.validate(schema, message);
  if (result.kind === 'error') throw result.error;
  const broken = result.kind === 'invalid' ? result.violations.map(({ field, message, ruleId }) => ({ field: pathToString(field), description: message, reason: ruleId })) : [];
  const unstorable = fieldsWithNull(message, '').map((field) => ({ field, description: 'must not hold the character U+0000', reason: 'string.no_null' }));
  if (broken.length + unstorable.length > 0) throw invalidRequest([...broken, ...unstorable]);
  canonicalIds(schema, message);
}

function invalidRequest(violations: FieldViolation[]): Error {
  const summary = violations.map(({ field, description }) => (field ? `${field}: ${description}` : description)).join('; ');
  return withViolations(kernelErrors.INVALID_REQUEST({ summary }), violations);
}

/** Text that PostgreSQL cannot store, wherever it stands in a request; a protobuf string may hold it. */
function fieldsWithNull(value: unknown, path: string): string[] {
  if (typeof value === 'string') return value.includes('\0') ? [path] : [];
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return [];
  if (Array.isArray(value)) return value.flatMap((item, at) => fieldsWithNull(item, `${path}[${at}]`));
  if ('case' in value && 'value' in value) return value.case ? fieldsWithNull(value.value, `${path.slice(0, path.lastIndexOf('.') + 1)}${snake(String(value.case))}`) : [];
  return Object.entries(value).flatMap(([key, item]) => fieldsWithNull(item, path ? `${path}.${snake(key)}` : snake(key)));
}

const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
