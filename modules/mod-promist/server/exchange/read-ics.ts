import ICAL from 'ical.js';
import { Temporal } from 'temporal-polyfill';
import { findIana } from 'windows-iana';
import { endOfDay, isTimeZone, localTime, momentOf } from '../dates/zoned-time.ts';
import { normalRule } from '../reminders/recurrence.ts';
import type { Entry, ExchangedPromise, ExchangedReminder, ReadOptions, State } from './exchanged-promise.ts';
import { keysByTitle, normalTags } from './exchanged-promise.ts';
import { todoBlocks, type TextLine } from './todo-blocks.ts';

/** A property of a to-do that can't be read; its message ends up in the report. */
class Unreadable extends Error {
  readonly property: string;

  constructor(property: string, message: string) {
    super(message);
    this.property = property;
  }
}

/** Reads the to-dos (VTODO) of an iCalendar file, RFC 5545; one that can't be read does not keep the others out. */
export function* readIcs(text: string, options: ReadOptions): Generator<Entry | undefined> {
  const keyOf = keysByTitle('ics');
  for (const block of todoBlocks(text)) {
    if (!block || 'refused' in block) yield block;
    else yield readTodo(block, options, keyOf);
  }
}

function readTodo({ line, lines }: { line: number; lines: readonly TextLine[] }, options: ReadOptions, keyOf: (title: string) => string): Entry {
  const warnings: string[] = [];
  try {
    const todo = new ICAL.Component(ICAL.parse(lines.map(({ content }) => content).join('\r\n')) as unknown[]);
    return { line, promise: promiseOf(todo, options, warnings, keyOf), warnings };
  } catch (error) {
    const fault = error instanceof Unreadable ? lineOf(error.property, lines) : lines.find(isBroken)?.line;
    return { line: fault ?? line, refused: error instanceof Error ? error.message.slice(0, 200) : 'it can\'t be read' };
  }
}

const lineOf = (property: string, lines: readonly TextLine[]) =>
  lines.find(({ content }) => content.slice(0, property.length + 1).toLowerCase().replace(';', ':') === `${property}:`)?.line;

function isBroken({ content }: TextLine): boolean {
  try {
    return !/^(BEGIN|END):/i.test(content) && !ICAL.parse.property(content);
  } catch {
    return true;
  }
}

function promiseOf(todo: ICAL.Component, options: ReadOptions, warnings: string[], keyOf: (title: string) => string): ExchangedPromise {
  const at = (name: string) => momentAt(todo.getFirstProperty(name), options, warnings);
  const dueTime = at('due') ?? dueByDuration(todo, at('dtstart'));
  const state = stateOf(todo);
  const title = textOf(todo, 'summary');
  const uid = textOf(todo, 'uid');
  const recurrenceId = textOf(todo, 'recurrence-id');
  if (!title.trim()) throw new Unreadable('summary', 'it has no SUMMARY');
  return {
    sourceKey: uid ? `uid:${uid}${recurrenceId && `/${recurrenceId}`}`.slice(0, 1000) : keyOf(title),
    title: title.split(/[\r\n]+/).map((part) => part.trim()).filter(Boolean).join(' '),
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
    throw new Unreadable(property.name, `its ${property.name.toUpperCase()} is no time that exists; write it such as 20261231T170000Z`);
  }
}

function zoneOf(property: ICAL.Property, { timeZone }: ReadOptions, warnings: string[]): string {
  const named = property.getFirstParameter('tzid');
  if (!named) return timeZone;
  // Some programs write a path, such as /freeassociation.sourceforge.net/Europe/Berlin, and Outlook the name that Windows has.
  const known = [named, named.split('/').slice(-2).join('/'), named.split('/').slice(-3).join('/'), ...findIana(named)].find(isTimeZone);
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
  const timeZone = zoneOf(property, options, []);
  // A day is due at its end, which is too late to be reminded of it.
  const time = property.type === 'date' ? momentOf(localTime(start, timeZone).toPlainDate().toPlainDateTime({ hour: 9 }), timeZone) : start;
  yield { time, recurrence: normalRule(String(rule)), timeZone, method: 'APP' };
}

function alarmOf(alarm: ICAL.Component, start: Date | undefined, due: Date | undefined, options: ReadOptions, warnings: string[]): ExchangedReminder[] {
  const action = textOf(alarm, 'action').toUpperCase();
  // Apple says so that no other alarm is to be set.
  if (action === 'NONE') return [];
  if (alarm.hasProperty('x-apple-proximity')) {
    warnings.push('an alarm was left out: it goes off at a place, not at a time');
    return [];
  }
  const trigger = alarm.getFirstProperty('trigger');
  const value = trigger?.getFirstValue();
  const related = trigger?.getFirstParameter('related') === 'END' ? due : (start ?? due);
  const time = value instanceof ICAL.Duration ? related && new Date(related.getTime() + value.toSeconds() * 1000) : momentAt(trigger, options, warnings);
  if (!time) {
    warnings.push('an alarm was left out: it has no time to count from');
    return [];
  }
  const method = textOf(alarm, 'x-mainstay-method') === 'SMS' ? 'SMS' : action === 'EMAIL' ? 'EMAIL' : 'APP';
  return [{ time, recurrence: normalRule(textOf(alarm, 'x-mainstay-rrule')), timeZone: textOf(alarm, 'x-mainstay-tzid') || 'UTC', method }];
}
