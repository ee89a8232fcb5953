import { getOption, hasOption, ScalarType, type DescField, type DescMessage, type DescMethod } from '@bufbuild/protobuf';
import { http } from '@mainstay/kernel/contract/google/api/annotations_pb.js';
import { sensitive } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';

type Fields = Record<string, unknown>;
type Reader = (message: Fields, found: Record<string, string>) => void;

const deepest = 3;
const mostListed = 20;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
/** What can be the name of something, and is no address or free text. */
const plainName = /^[a-z0-9][\w.:-]{0,99}$/i;
const ofRequests = new WeakMap<DescMethod, Reader>();
const ofAnswers = new WeakMap<DescMessage, Reader>();

/**
 * What a request is about, for the audit: the UUIDs that it names in fields called `id` or `…_id`, by field, such as
 * `promise.id`; of a list (`…_ids`) the first twenty; the names that stand in the method's REST path, such as that of a
 * setting; and what it chose of enums, such as a role. Nothing of a field that is marked as sensitive.
 */
export function namedSubjects(method: DescMethod, request: object): Record<string, string> {
  let read = ofRequests.get(method);
  if (!read) ofRequests.set(method, (read = requestReader(method)));
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

function requestReader(method: DescMethod): Reader {
  const path = getOption(method, http).pattern.value;
  const inPath = typeof path === 'string' ? [...path.matchAll(/\{(\w+)/g)].map(([, name]) => name) : [];
  const known = method.input.fields.filter((field) => !hasOption(field, sensitive));
  const parts: Reader[] = [readerOf(method.input, '', 1)];
  for (const field of known) {
    if (field.fieldKind === 'enum') parts.push((message, found) => keepChoice(found, field, valueOf(message, field)));
    else if (inPath.includes(field.name)) parts.push((message, found) => keepIf(plainName, found, field.name, valueOf(message, field)));
  }
  return (message, found) => {
    for (const part of parts) part(message, found);
  };
}

function readerOf(schema: DescMessage, prefix: string, depth: number): Reader {
  const parts = schema.fields.filter((field) => !hasOption(field, sensitive)).flatMap((field) => partOf(field, prefix, depth) ?? []);
  return (message, found) => {
    for (const part of parts) part(message, found);
  };
}

function partOf(field: DescField, prefix: string, depth: number): Reader | undefined {
  const name = prefix + field.name;
  if (isId(field)) return (message, found) => keepIf(uuid, found, name, valueOf(message, field));
  if (field.fieldKind !== 'message' || depth >= deepest) return undefined;
  const inner = readerOf(field.message, `${name}.`, depth + 1);
  return (message, found) => {
    const value = valueOf(message, field);
    if (value) inner(value as Fields, found);
  };
}

function keepIf(allowed: RegExp, found: Record<string, string>, name: string, value: unknown): void {
  const named = (Array.isArray(value) ? value : [value]).filter((each): each is string => typeof each === 'string' && allowed.test(each));
  if (named.length > 0) found[name] = named.slice(0, mostListed).join(',');
}

function keepChoice(found: Record<string, string>, field: DescField & { fieldKind: 'enum' }, value: unknown): void {
  const chosen = value ? field.enum.value[value as number] : undefined;
  if (chosen) found[field.name] = chosen.name;
}

function valueOf(message: Fields, { oneof, localName }: DescField): unknown {
  if (!oneof) return message[localName];
  const chosen = message[oneof.localName] as { case?: string; value?: unknown } | undefined;
  return chosen?.case === localName ? chosen.value : undefined;
}

const isId = (field: DescField): boolean =>
  (field.fieldKind === 'scalar' || (field.fieldKind === 'list' && field.listKind === 'scalar')) && field.scalar === ScalarType.STRING && /(^|_)ids?$/.test(field.name);
