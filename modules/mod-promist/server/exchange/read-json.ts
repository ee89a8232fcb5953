import { z } from 'zod';
import { normalRule } from '../reminders/recurrence.ts';
import type { Entry, ExchangedPromise } from './exchanged-promise.ts';
import { keysByTitle, normalTags } from './exchanged-promise.ts';
import { jsonElements } from './json-elements.ts';

const time = z.iso.datetime({ offset: true, error: 'must be a time such as 2026-11-30T17:00:00Z' }).transform((text) => new Date(text));

const reminder = z.object({
  time,
  recurrence: z.string().default('').transform(normalRule),
  timeZone: z.string().default('').transform((zone) => zone || 'UTC'),
  method: z.enum(['APP', 'EMAIL', 'SMS', 'METHOD_UNSPECIFIED']).default('APP').transform((method) => (method === 'METHOD_UNSPECIFIED' ? 'APP' : method)),
});

/** A promise as REST shows it; fields that an import has no use for are passed over. */
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
export function* readJson(text: string): Generator<Entry> {
  const keyOf = keysByTitle('json');
  for (const element of jsonElements(text.charCodeAt(0) === 0xfeff ? ` ${text.slice(1)}` : text)) {
    if ('refused' in element) yield element;
    else yield readElement(element.line, element.text, keyOf);
  }
}

function readElement(line: number, text: string, keyOf: (title: string) => string): Entry {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { line, refused: `it is not JSON: ${(error as Error).message.slice(0, 150)}` };
  }
  const read = promise.safeParse(value);
  if (read.success) return { line, promise: promiseOf(read.data, keyOf), warnings: [] };
  const [issue] = read.error.issues;
  return { line, refused: `${issue?.path.join('.') || 'the promise'}: ${issue?.message}`.slice(0, 200) };
}

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
