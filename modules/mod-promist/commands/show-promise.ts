import { toJson } from '@bufbuild/protobuf';
import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { Permission, Promise_State as State, PromiseSchema, Reminder_Method as Method, type Change, type Promise as PromiseMessage } from '../contract/index.ts';
import { localTime } from '../server/dates/zoned-time.ts';
import { shortId } from './find-by-short-id.ts';

/** The time zone of the person at the terminal. */
export const ownTimeZone = (): string => Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';

/** A time as the person's clock shows it. */
export const shown = (time: Timestamp | undefined): string =>
  time ? localTime(timestampDate(time), ownTimeZone()).toPlainDateTime().toString({ smallestUnit: 'minute' }).replace('T', ' ') : '';

const states = { [State.STATE_UNSPECIFIED]: '', [State.PENDING]: 'pending', [State.FULFILLED]: 'kept', [State.FAILED]: 'broken' };

/** One line of a list. */
export const tableRow = (promise: PromiseMessage): Record<string, string> => ({
  id: shortId(promise.id),
  title: oneLine(promise.title),
  to: oneLine(promise.promisee?.displayName ?? ''),
  due: shown(promise.dueTime),
  state: states[promise.state],
  tags: promise.tags.map(oneLine).join(', '),
});

/** Everything about a promise, a line each. */
export function detailLines(promise: PromiseMessage, changes: readonly Change[]): string[] {
  const facts: Record<string, string> = {
    id: promise.id,
    state: [states[promise.state], promise.archived && 'archived', promise.deleteTime && `deleted ${shown(promise.deleteTime)}`].filter(Boolean).join(', '),
    'made at': shown(promise.madeAt),
    to: promise.promisee?.displayName ?? '',
    due: shown(promise.dueTime),
    settled: shown(promise.fulfilledAt ?? promise.failedAt),
    tags: promise.tags.join(', '),
    'you may': promise.permission === Permission.OWN ? '' : Permission[promise.permission].toLowerCase(),
  };
  return [
    promise.title,
    ...Object.entries(facts).filter(([, value]) => value).map(([name, value]) => `  ${name.padEnd(10)}${oneLine(value)}`),
    ...promise.reminders.map(({ time, recurrence, nextTime, method }) => `  ${'reminder'.padEnd(10)}${[shown(time), recurrence, Method[method].toLowerCase(), nextTime ? `next ${shown(nextTime)}` : 'off'].filter(Boolean).join('  ')}`),
    ...promise.shares.map(({ displayName, permission }) => `  ${'shared'.padEnd(10)}${displayName} may ${Permission[permission].toLowerCase()}`),
    ...(promise.description ? ['', ...promise.description.split('\n').map((line) => `  ${oneLine(line)}`)] : []),
    '',
    ...changes.map(({ time, displayName, field, before, after }) => `  ${shown(time)}  ${displayName}  ${field}${before ? `  from ${oneLine(before)}` : ''}${after ? `  to ${oneLine(after)}` : ''}`),
  ];
}

export const asJson = (promise: PromiseMessage) => toJson(PromiseSchema, promise);

/** What others wrote must not move the cursor or colour the terminal. */
const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ');
