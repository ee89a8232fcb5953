import { findNodeAtLocation, parseTree } from 'jsonc-parser';
import { z } from 'zod';
import { normalRule } from '../reminders/recurrence.ts';
import type { Entry, ExchangedPromise } from './exchanged-promise.ts';
import { keysByTitle, normalTags } from './exchanged-promise.ts';
import { jsonElements } from './json-elements.ts';

/** More than any promise within the limits needs; checking the names of a million fields takes seconds. */
const mostCharacters = 256 * 1024;

const time = z.iso.datetime({ offset: true, error: 'must be a time such as 2026-11-30T17:00:00Z' }).transform((text) => new Date(text));

const reminder = z.object({
  time,
  recurrence: z.string().default('').transform(normalRule),
  timeZone: z.string().default('').transform((zone) => zone || 'UTC'),
  method: z.enum(['APP', 'EMAIL', 'SMS', 'METHOD_UNSPECIFIED']).default('APP').transform((method) => (method === 'METHOD_UNSPECIFIED' ? 'APP' : method)),
});

/** A promise as REST shows it. */
const promise = z.object({
  id: z.string().max(1000).default(''),
  title: z.string(),
  description: z.string().default(''),
  madeAt: time.optional(),
  dueTime: time.optional(),
  promisee: z.object({ name: z.string(), accountId: z.string(), contactId: z.string(), email: z.string(), displayName: z.string() }).partial().optional(),
  tags: z.array(z.string()).default([]),
  state: z.enum(['PENDING', 'FULFILLED', 'FAILED', 'STATE_UNSPECIFIED']).default('PENDING').transform((state) => (state === 'STATE_UNSPECIFIED' ? 'PENDING' : state)),
  archived: z.boolean().default(false),
  fulfilledAt: time.optional(),
  failedAt: time.optional(),
  reminders: z.array(reminder).default([]),
});

/** Reads `{"promises": [...]}`, the project's own format; a promise that can't be read does not keep the others out. */
export function* readJson(text: string): Generator<Entry | undefined> {
  const keyOf = keysByTitle('json');
  for (const element of jsonElements(text.charCodeAt(0) === 0xfeff ? ` ${text.slice(1)}` : text)) {
    if (!element || 'refused' in element) yield element;
    else yield readElement(element.line, element.text, keyOf);
  }
}

function readElement(line: number, text: string, keyOf: (title: string) => string): Entry {
  if (text.length > mostCharacters) return { line, refused: 'the promise is longer than 256 KiB' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const { message } = error as Error;
    const [, at = '0'] = / at position (\d+)/.exec(message) ?? [];
    return { line: line + newlines(text, Number(at)), refused: `it is not JSON: ${message.replace(/ in JSON at position .*| at position .*/, '').slice(0, 150)}` };
  }
  const unknown = unknownFields(value).map((field) => `"${field.slice(0, 60)}"`).slice(0, 5);
  const read = promise.safeParse(value, { error: problemOf });
  if (read.success) return { line, promise: promiseOf(read.data, keyOf), warnings: unknown.map((field) => `the field ${field} is unknown and was left out`) };
  const [issue] = read.error.issues;
  const path = issue?.path as (string | number)[] | undefined;
  const hint = unknown.length ? `, and the field ${unknown.join(', ')} is unknown` : '';
  return { line: line + newlines(text, path?.length ? offsetOf(text, path) : 0), refused: `${path?.join('.') || 'the promise'} ${issue?.message}${hint}`.slice(0, 400) };
}

/** Where a value stands in its text; at the beginning if it is nested too deeply to be found. */
function offsetOf(text: string, path: (string | number)[]): number {
  try {
    return findNodeAtLocation(parseTree(text)!, path)?.offset ?? 0;
  } catch {
    return 0;
  }
}

const newlines = (text: string, end: number) => text.slice(0, end).split('\n').length - 1;

const kinds: Record<string, string> = { string: 'a text', array: 'a list', boolean: 'true or false', object: 'an object in braces' };

/** What is wrong with a value, in words for people. */
function problemOf(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') return issue.input === undefined ? 'is missing' : `must be ${kinds[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).filter((name) => !name.endsWith('UNSPECIFIED')).join(', ')}`;
  return issue.code === 'too_big' ? `must not be longer than ${issue.maximum}` : undefined;
}

/** Fields of the API that an import has no use for. */
const passedOver = ['deleteTime', 'ownerAccountId', 'permission', 'shares', 'createTime', 'updateTime', 'etag'];
const reminderFields = [...Object.keys(reminder.shape), 'id', 'nextTime'];

/** Names that mean nothing here, most of them written wrongly. */
function unknownFields(value: unknown): string[] {
  const { promisee, reminders } = (value ?? {}) as { promisee?: unknown; reminders?: unknown };
  return [
    ...othersThan([...Object.keys(promise.shape), ...passedOver], value),
    ...othersThan(Object.keys(promise.shape.promisee.unwrap().shape), promisee).map((name) => `promisee.${name}`),
    ...(Array.isArray(reminders) ? reminders : []).flatMap((one, index) => othersThan(reminderFields, one).map((name) => `reminders.${index}.${name}`)),
  ];
}

const othersThan = (known: readonly string[], value: unknown): string[] =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value).filter((name) => !known.includes(name)) : [];

function promiseOf(read: z.infer<typeof promise>, keyOf: (title: string) => string): ExchangedPromise {
  const { id, title, description, madeAt, dueTime, state, reminders, promisee: who } = read;
  const name = who?.name || who?.displayName || who?.email || '';
  return {
    sourceKey: id ? `uid:${id}` : keyOf(title),
    title: title.trim(),
    description,
    madeAt,
    dueTime,
    promisee: who && (name || who.accountId) ? { name, ...(who.email && { email: who.email }), ...(who.accountId && { accountId: who.accountId }), ...(who.contactId && { contactId: who.contactId }) } : undefined,
    tags: normalTags(read.tags),
    state,
    archived: read.archived || state === 'FULFILLED',
    settledAt: state === 'FULFILLED' ? read.fulfilledAt : state === 'FAILED' ? read.failedAt : undefined,
    reminders,
  };
}
