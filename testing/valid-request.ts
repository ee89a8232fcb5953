import { create, ScalarType, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf';
import { createValidator, type Violation } from '@bufbuild/protovalidate';

const validator = createValidator();

/** Values to try for a field that must not stay empty, the likeliest first. */
const texts = ['text that is long enough', '/', 'GET', 'a/b', 'a', 'me', 'nobody@nowhere.test', '019a0000-0000-7000-8000-00000000dead', 'UTC', 'en', 'https://example.test/', '0'.repeat(64), '1'];

/**
 * The smallest message that its contract's validation lets through, for a method of any module: fields stay empty
 * where they may, the others get the first value that is valid. Throws where none is found.
 */
export function validRequest(schema: DescMessage): Message {
  const message = create(schema) as Message & Record<string, unknown>;
  const tried = new Map<string, number>();
  for (;;) {
    const violation = firstViolation(schema, message);
    if (!violation) return message;
    const name = nameOf(violation);
    const attempt = tried.get(name) ?? 0;
    tried.set(name, attempt + 1);
    if (!improve(schema, message, violation, attempt)) throw new Error(`no valid value was found for ${schema.typeName}.${name}: ${violation.message}`);
  }
}

function firstViolation(schema: DescMessage, message: Message): Violation | undefined {
  const result = validator.validate(schema, message);
  if (result.kind === 'error') throw result.error;
  return result.kind === 'invalid' ? result.violations[0] : undefined;
}

const nameOf = ({ field }: Violation): string => field.map((part) => ('name' in part ? part.name : '')).join('.');

/** Gives the field that a violation names its next value; false if there is none. */
function improve(schema: DescMessage, message: Record<string, unknown>, { field }: Violation, attempt: number): boolean {
  let at = message;
  let within = schema;
  for (const [depth, part] of field.entries()) {
    if (part.kind === 'oneof') {
      const chosen = part.fields[attempt];
      at[part.localName] = chosen && { case: chosen.localName, value: valuesOf(chosen)[0] };
      return chosen !== undefined;
    }
    if (part.kind === 'list_sub') {
      at = at[part.index] as Record<string, unknown>;
      continue;
    }
    if (part.kind !== 'field') return false;
    if (depth === field.length - 1) return assign(at, part, attempt);
    within = part.message ?? within;
    at = (part.oneof ? (at[part.oneof.localName] as { value: unknown }).value : at[part.localName]) as Record<string, unknown>;
  }
  return false;
}

function assign(at: Record<string, unknown>, field: DescField, attempt: number): boolean {
  const value = valuesOf(field)[attempt];
  if (value === undefined) return false;
  if (field.oneof) at[field.oneof.localName] = { case: field.localName, value };
  else at[field.localName] = field.fieldKind === 'list' ? [value] : value;
  return true;
}

function valuesOf(field: DescField): unknown[] {
  if (field.message) return field.message.typeName === 'google.protobuf.Timestamp' ? [1_800_000_000n, 4_000_000_000n].map((seconds) => create(field.message!, { seconds } as never)) : [create(field.message)];
  if (field.enum) return field.enum.values.map(({ number }) => number);
  if (field.scalar === ScalarType.STRING) return texts;
  if (field.scalar === ScalarType.BYTES) return [Buffer.from('{"promises":[]}'), Buffer.alloc(32)];
  if (field.scalar === ScalarType.BOOL) return [true];
  const numbers = [1, 2, 10, 100];
  return field.scalar === ScalarType.INT64 || field.scalar === ScalarType.UINT64 ? numbers.map(BigInt) : numbers;
}
