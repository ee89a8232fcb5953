import type { DescMessage } from '@bufbuild/protobuf';
import type { FieldMask } from '@bufbuild/protobuf/wkt';
import { invalidMask } from './query-errors.ts';

type Part = Map<string, Part>;

/**
 * Cuts resources down to the fields that a read mask names (AIP-157); an empty mask and `*` leave all. A path may lead into a message.
 * Throws `kernel.INVALID_MASK` at once for a path that names no field.
 */
export function readMask<T extends object>(schema: DescMessage, mask: FieldMask | undefined): (resource: T) => T {
  const paths = mask?.paths ?? [];
  if (paths.length === 0) return (resource) => resource;
  const wrong = paths.filter((path) => path !== '*' && !leads(schema, path.split('.')));
  if (wrong.length > 0) throw invalidMask('read_mask', wrong.map((path) => `there is no ${path.slice(0, 60)}; read_mask may name ${schema.fields.map(({ name }) => name).join(', ')}`));
  if (paths.includes('*')) return (resource) => resource;
  const wanted = tree(paths);
  return (resource) => cut(schema, wanted, resource as Record<string, unknown>) as T;
}

/** Whether a path leads to a field of a message, or of messages in it. */
export function leads(schema: DescMessage, [first, ...rest]: readonly string[]): boolean {
  const field = schema.fields.find(({ name }) => name === first);
  if (!field) return false;
  return rest.length === 0 || (field.fieldKind === 'message' && leads(field.message, rest));
}

function tree(paths: readonly string[]): Part {
  const root: Part = new Map();
  // A field that is named whole stays whole, whatever of it is named besides.
  const whole = new Set(paths);
  for (const path of paths) {
    const parts = path.split('.');
    if (parts.some((_, at) => at < parts.length - 1 && whole.has(parts.slice(0, at + 1).join('.')))) continue;
    let node = root;
    for (const part of parts) node = node.get(part) ?? node.set(part, new Map()).get(part)!;
  }
  return root;
}

function cut(schema: DescMessage, wanted: Part, resource: Record<string, unknown>): Record<string, unknown> {
  const kept: Record<string, unknown> = resource.$typeName === undefined ? {} : { $typeName: resource.$typeName };
  for (const [name, below] of wanted) {
    const field = schema.fields.find((one) => one.name === name)!;
    const key = field.oneof?.localName ?? field.localName;
    const value = resource[key];
    if (value === undefined || (field.oneof && (value as { case?: string }).case !== field.localName)) continue;
    kept[key] = below.size > 0 && field.message && !field.oneof ? cut(field.message, below, value as Record<string, unknown>) : value;
  }
  return kept;
}
