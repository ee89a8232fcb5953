import { createHash } from 'node:crypto';
import type { Schedule } from '../reminders/recurrence.ts';
import { problemOf } from '../reminders/recurrence.ts';

export type State = 'PENDING' | 'FULFILLED' | 'FAILED';
export type Method = 'APP' | 'EMAIL' | 'SMS';
export type ExchangedReminder = Schedule & { method: Method };

/** A promise on its way in or out: what every file format can say about one. */
export interface ExchangedPromise {
  /** Names the promise in its source, so that a second import finds it again. */
  sourceKey: string;
  title: string;
  description: string;
  madeAt?: Date;
  dueTime?: Date;
  /** The due time as the file words it, where that means another time each day; such is no change of the source. */
  dueWords?: string;
  /** The file has no place for a promisee, nor for a reminder without a rule: what it does not say is left as it is. */
  partial?: true;
  promisee?: ExchangedPromisee;
  tags: string[];
  state: State;
  archived: boolean;
  /** When it was kept or broken. */
  settledAt?: Date;
  reminders: ExchangedReminder[];
}

/** To whom: whichever of these the file tells. */
export interface ExchangedPromisee {
  name: string;
  email?: string;
  accountId?: string;
  contactId?: string;
}

/** What a reader makes of one place in a file. */
export type Entry =
  | { line: number; promise: ExchangedPromise; warnings: string[] }
  | { line: number; refused: string };

export interface ReadOptions {
  now: Date;
  /** For times that name no zone. */
  timeZone: string;
}

const earliest = Date.UTC(1900, 0);
const end = Date.UTC(10_000, 0);

/** Where a time must lie to be stored, in words. */
export const timeBounds = 'between the years 1900 and 9999';

/** Whether a time can be stored: from the first moment of 1900 to the last of 9999, in UTC. */
export const isStorable = (time: Date): boolean => time.getTime() >= earliest && time.getTime() < end;

/** Lengths that the contract sets; a file must keep to them too. */
const limits = { title: 500, description: 20_000, tags: 50, tag: 100, reminders: 20, name: 200 };

/** What about a promise breaks the limits of the contract, if anything. */
export function limitProblem(promise: ExchangedPromise): string | undefined {
  const { title, description, tags, reminders, promisee } = promise;
  if (!title.trim()) return 'it has no title';
  if (title.length > limits.title) return `its title is longer than ${limits.title} characters`;
  if (description.length > limits.description) return `its description is longer than ${limits.description} characters`;
  if (tags.length > limits.tags) return `it has more than ${limits.tags} tags`;
  if (tags.some((tag) => tag.length > limits.tag)) return `a tag is longer than ${limits.tag} characters`;
  if (reminders.length > limits.reminders) return `it has more than ${limits.reminders} reminders`;
  if ((promisee?.name.length ?? 0) > limits.name) return `the promisee's name is longer than ${limits.name} characters`;
  const texts = [promise.sourceKey, title, description, ...tags, promisee?.name ?? '', promisee?.email ?? ''];
  if (texts.some((text) => text.includes('\0') || !text.isWellFormed())) return 'it holds a character that cannot be stored';
  const times = [promise.madeAt, promise.dueTime, promise.settledAt, ...reminders.map(({ time }) => time)];
  if (!times.every((time) => !time || isStorable(time))) return `a time is not ${timeBounds}`;
  for (const reminder of reminders) {
    const problem = problemOf(reminder);
    if (problem) return problem;
  }
  return undefined;
}

/** Tags as they are kept: trimmed, none twice, none empty. */
export const normalTags = (tags: readonly string[]): string[] => [...new Set(tags.map((tag) => tag.trim()).filter(Boolean))];

/**
 * Tells whether a promise says the same as another: the same hash for the same content, in whichever format. Times
 * count to the second, as iCalendar has no finer ones.
 */
export function contentHash(promise: ExchangedPromise): string {
  const { sourceKey: _, partial: __, madeAt, settledAt, dueTime, dueWords, reminders, tags, promisee, ...rest } = promise;
  const content = {
    ...rest,
    madeAt: seconds(madeAt),
    settledAt: seconds(settledAt),
    due: dueWords ?? seconds(dueTime),
    promisee: promisee && [promisee.name, promisee.email?.toLowerCase()],
    tags: tags.toSorted(),
    reminders: dueWords ? [] : reminders.map(({ time, recurrence, timeZone, method }) => [seconds(time), recurrence, recurrence && timeZone, method].join(' ')).toSorted(),
  };
  return createHash('sha256').update(JSON.stringify(content, Object.keys(content).sort())).digest('base64url');
}

/** The hash that a promise would have, had it come in a file like the one that `other` comes from. */
export function hashLike(promise: ExchangedPromise, other: ExchangedPromise): string {
  if (!other.partial) return contentHash(promise);
  const { dueTime, tags, reminders } = promise;
  return contentHash({
    ...promise,
    madeAt: undefined,
    promisee: undefined,
    archived: other.archived,
    dueTime: dueTime && new Date(minutes(dueTime) * 60_000),
    tags: tags.map(labelOf),
    reminders: other.reminders.length ? reminders : [],
  });
}

/** A tag as the labels of Todoist, which have no blanks. */
export const labelOf = (tag: string): string => tag.replace(/[^\p{L}\p{N}_/-]+/gu, '_');

export const minutes = (time: Date): number => Math.floor(time.getTime() / 60_000);

const seconds = (time: Date | undefined) => time && Math.floor(time.getTime() / 1000);

/** Gives each promise that has no name of its own one by its title: the second of a title is #2, and so on. */
export function keysByTitle(prefix: string): (title: string) => string {
  const seen = new Map<string, number>();
  return (title) => {
    const hash = createHash('sha256').update(title).digest('base64url').slice(0, 22);
    const nth = (seen.get(hash) ?? 0) + 1;
    seen.set(hash, nth);
    return `${prefix}:${hash}#${nth}`;
  };
}
