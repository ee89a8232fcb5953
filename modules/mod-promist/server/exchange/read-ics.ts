import ICAL from 'ical.js';
import { Temporal } from 'temporal-polyfill';
import { endOfDay, isTimeZone, momentOf } from '../dates/zoned-time.ts';
import { normalRule } from '../reminders/recurrence.ts';
import type { Entry, ExchangedPromise, ExchangedReminder, ReadOptions, State } from './exchanged-promise.ts';
import { keysByTitle, normalTags } from './exchanged-promise.ts';
import { todoBlocks } from './todo-blocks.ts';

/** A thing in a to-do that can't be read; its message ends up in the report. */
class Unreadable extends Error {}

/** Reads the to-dos (VTODO) of an iCalendar file, RFC 5545; one that can't be read does not keep the others out. */
export function* readIcs(text: string, options: ReadOptions): Generator<Entry> {
  const keyOf = keysByTitle('ics');
  for (const block of todoBlocks(text)) {
    if ('refused' in block) yield block;
    else yield readTodo(block.text, block.line, options, keyOf);
  }
}

function readTodo(text: string, line: number, options: ReadOptions, keyOf: (title: string) => string): Entry {
  const warnings: string[] = [];
  try {
    const todo = new ICAL.Component(ICAL.parse(text) as unknown[]);
    return { line, promise: promiseOf(todo, options, warnings, keyOf), warnings };
  } catch (error) {
    return { line, refused: error instanceof Error ? error.message.slice(0, 200) : 'it can\'t be read' };
  }
}

function promiseOf(todo: ICAL.Component, options: ReadOptions, warnings: string[], keyOf: (title: string) => string): ExchangedPromise {
  const at = (name: string) => momentAt(todo.getFirstProperty(name), options, warnings);
  const dueTime = at('due') ?? dueByDuration(todo, at('dtstart'));
  const state = stateOf(todo);
  const title = textOf(todo, 'summary');
  const uid = textOf(todo, 'uid');
  const recurrenceId = textOf(todo, 'recurrence-id');
  if (!title.trim()) throw new Unreadable('it has no SUMMARY');
  return {
    sourceKey: uid ? `uid:${uid}${recurrenceId && `/${recurrenceId}`}`.slice(0, 1000) : keyOf(title),
    title: title.replace(/\s*[\r\n]+\s*/g, ' ').trim(),
    description: textOf(todo, 'description'),
    madeAt: at('created'),
    dueTime,
    promisee: promiseeOf(todo),
    tags: normalTags(todo.getAllProperties('categories').flatMap((property) => property.getValues().map(String))),
    state,
    archived: state === 'FULFILLED' || textOf(todo, 'x-mainstay-archived') === 'TRUE',
    settledAt: state === 'PENDING' ? undefined : (at('completed') ?? at('last-modified')),
    reminders: [...recurring(todo, dueTime ?? at('dtstart'), options, warnings), ...todo.getAllSubcomponents('valarm').flatMap((alarm) => alarmOf(alarm, at('dtstart'), dueTime, options, warnings))],
  };
}

const textOf = (component: ICAL.Component, name: string) => String(component.getFirstPropertyValue(name) ?? '');

function stateOf(todo: ICAL.Component): State {
  const own = textOf(todo, 'x-mainstay-state');
  const status = textOf(todo, 'status').toUpperCase();
  if (own === 'FAILED' || status === 'CANCELLED') return 'FAILED';
  return status === 'COMPLETED' || (!status && todo.hasProperty('completed')) ? 'FULFILLED' : 'PENDING';
}

function promiseeOf(todo: ICAL.Component) {
  const attendee = todo.getFirstProperty('attendee');
  const contact = textOf(todo, 'contact').trim();
  if (!attendee) return contact ? { name: contact } : undefined;
  const email = String(attendee.getFirstValue()).replace(/^mailto:/i, '').trim();
  const name = String(attendee.getFirstParameter('cn') || contact || email).trim();
  return name ? { name, ...(email.includes('@') && { email }) } : undefined;
}

/** The moment that a property names: in UTC, in its own time zone, or in that of the import. */
function momentAt(property: ICAL.Property | null, options: ReadOptions, warnings: string[]): Date | undefined {
  if (!property) return undefined;
  const written = String((property.toJSON() as unknown[])[3]);
  try {
    if (property.type === 'date') return momentOf(endOfDay(Temporal.PlainDate.from(written, { overflow: 'reject' })), options.timeZone);
    const local = Temporal.PlainDateTime.from(written.replace(/Z$/, ''), { overflow: 'reject' });
    return momentOf(local, written.endsWith('Z') ? 'UTC' : zoneOf(property, options, warnings));
  } catch {
    throw new Unreadable(`its ${property.name.toUpperCase()} is no time that exists; write it such as 20261231T170000Z`);
  }
}

function zoneOf(property: ICAL.Property, { timeZone }: ReadOptions, warnings: string[]): string {
  const named = property.getFirstParameter('tzid');
  if (!named) return timeZone;
  // Some programs write a path, such as /freeassociation.sourceforge.net/Europe/Berlin.
  const known = [named, named.split('/').slice(-2).join('/'), named.split('/').slice(-3).join('/')].find(isTimeZone);
  if (!known) warnings.push(`the time zone "${named.slice(0, 100)}" is not known: ${timeZone} was taken`);
  return known ?? timeZone;
}

function dueByDuration(todo: ICAL.Component, start: Date | undefined): Date | undefined {
  const duration = todo.getFirstPropertyValue('duration');
  return start && duration instanceof ICAL.Duration ? new Date(start.getTime() + duration.toSeconds() * 1000) : undefined;
}

/** A to-do that recurs becomes a promise with a reminder that recurs. */
function* recurring(todo: ICAL.Component, start: Date | undefined, options: ReadOptions, warnings: string[]): Generator<ExchangedReminder> {
  const rule = todo.getFirstPropertyValue('rrule');
  if (!rule) return;
  const property = todo.getFirstProperty(todo.hasProperty('due') ? 'due' : 'dtstart');
  if (!start || !property) return void warnings.push('its recurrence was left out: it has no DUE and no DTSTART');
  yield { time: start, recurrence: normalRule(String(rule)), timeZone: zoneOf(property, options, []), method: 'APP' };
}

function alarmOf(alarm: ICAL.Component, start: Date | undefined, due: Date | undefined, options: ReadOptions, warnings: string[]): ExchangedReminder[] {
  const trigger = alarm.getFirstProperty('trigger');
  const value = trigger?.getFirstValue();
  const related = trigger?.getFirstParameter('related') === 'END' ? due : (start ?? due);
  const time = value instanceof ICAL.Duration ? related && new Date(related.getTime() + value.toSeconds() * 1000) : momentAt(trigger, options, warnings);
  if (!time) {
    warnings.push('an alarm was left out: it has no time to count from');
    return [];
  }
  const action = textOf(alarm, 'action').toUpperCase();
  const method = textOf(alarm, 'x-mainstay-method') === 'SMS' ? 'SMS' : action === 'EMAIL' ? 'EMAIL' : 'APP';
  return [{ time, recurrence: normalRule(textOf(alarm, 'x-mainstay-rrule')), timeZone: textOf(alarm, 'x-mainstay-tzid') || 'UTC', method }];
}
