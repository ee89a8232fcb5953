import { hasOption, ScalarType, type DescField, type DescMessage } from '@bufbuild/protobuf';
import { sensitive } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';

type Fields = Record<string, unknown>;
type Reader = (message: Fields, found: Record<string, string>) => void;

const deepest = 3;
const mostListed = 20;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const ofRequests = new WeakMap<DescMessage, Reader>();
const ofAnswers = new WeakMap<DescMessage, Reader>();

/**
 * What a request is about, for the audit: the UUIDs that it names in fields called `id` or `…_id`, by field, such as
 * `promise.id`; of a list (`…_ids`) the first twenty. Nothing of a field that is marked as sensitive.
 */
export function namedSubjects(schema: DescMessage, request: object): Record<string, string> {
  let read = ofRequests.get(schema);
  if (!read) ofRequests.set(schema, (read = readerOf(schema, '', 1)));
  const found: Record<string, string> = {};
  read(request as Fields, found);
  return found;
}

/** The same of what a command answered, such as the `id` of what it made; not as deep. */
export function answeredSubjects(schema: DescMessage, answer: object): Record<string, string> {
  let read = ofAnswers.get(schema);
  if (!read) ofAnswers.set(schema, (read = readerOf(schema, '', deepest - 1)));
  const found: Record<string, string> = {};
  read(answer as Fields, found);
  return found;
}

function readerOf(schema: DescMessage, prefix: string, depth: number): Reader {
  const parts = schema.fields.filter((field) => !hasOption(field, sensitive)).flatMap((field) => partOf(field, prefix, depth) ?? []);
  return (message, found) => {
    for (const part of parts) part(message, found);
  };
}

function partOf(field: DescField, prefix: string, depth: number): Reader | undefined {
  const name = prefix + field.name;
  if (isId(field)) return (message, found) => keep(found, name, valueOf(message, field));
  if (field.fieldKind !== 'message' || depth >= deepest) return undefined;
  const inner = readerOf(field.message, `${name}.`, depth + 1);
  return (message, found) => {
    const value = valueOf(message, field);
    if (value) inner(value as Fields, found);
  };
}

function keep(found: Record<string, string>, name: string, value: unknown): void {
  const ids = (Array.isArray(value) ? value : [value]).filter((id): id is string => typeof id === 'string' && uuid.test(id));
  if (ids.length > 0) found[name] = ids.slice(0, mostListed).join(',');
}

function valueOf(message: Fields, { oneof, localName }: DescField): unknown {
  if (!oneof) return message[localName];
  const chosen = message[oneof.localName] as { case?: string; value?: unknown } | undefined;
  return chosen?.case === localName ? chosen.value : undefined;
}

const isId = (field: DescField): boolean =>
  (field.fieldKind === 'scalar' || (field.fieldKind === 'list' && field.listKind === 'scalar')) && field.scalar === ScalarType.STRING && /(^|_)ids?$/.test(field.name);
