import ICAL from 'ical.js';
import type { ExchangedPromise, ExchangedPromisee, ExchangedReminder } from './exchanged-promise.ts';

const statuses = { PENDING: 'NEEDS-ACTION', FULFILLED: 'COMPLETED', FAILED: 'CANCELLED' } as const;

/** Writes promises as iCalendar to-dos (VTODO, RFC 5545); times to the second, as the standard has them. */
export async function* writeIcs(promises: AsyncIterable<ExchangedPromise>, now: Date): AsyncGenerator<string> {
  yield 'BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Mainstay//mod-promist//EN\r\n';
  for await (const promise of promises) yield `${todoOf(promise, now).toString()}\r\n`;
  yield 'END:VCALENDAR\r\n';
}

function todoOf(promise: ExchangedPromise, now: Date): ICAL.Component {
  const todo = new ICAL.Component('vtodo');
  const put = (name: string, value: unknown) => void (value !== undefined && value !== '' && todo.addPropertyWithValue(name, value as string));
  put('uid', promise.sourceKey.replace(/^uid:/, ''));
  put('dtstamp', utc(now));
  put('summary', promise.title);
  put('description', promise.description);
  put('created', promise.madeAt && utc(promise.madeAt));
  put('due', promise.dueTime && utc(promise.dueTime));
  put('status', statuses[promise.state]);
  put('completed', promise.settledAt && utc(promise.settledAt));
  if (promise.archived && promise.state !== 'FULFILLED') put('x-mainstay-archived', 'TRUE');
  if (promise.promisee) todo.addProperty(promiseeOf(promise.promisee));
  if (promise.tags.length) {
    const categories = new ICAL.Property('categories');
    categories.setValues(promise.tags);
    todo.addProperty(categories);
  }
  for (const reminder of promise.reminders) todo.addSubcomponent(alarmOf(reminder, promise.title));
  return todo;
}

/** Somebody with an address is an attendee, so that another import finds the account again. */
function promiseeOf({ name, email }: ExchangedPromisee): ICAL.Property {
  const property = new ICAL.Property(email ? 'attendee' : 'contact');
  if (email) property.setParameter('cn', name);
  property.setValue(email ? `mailto:${email}` : name);
  return property;
}

/** RFC 5545 has no alarm that recurs by a rule: the rule goes into a property of our own, which others pass over. */
function alarmOf({ time, recurrence, timeZone, method }: ExchangedReminder, title: string): ICAL.Component {
  const alarm = new ICAL.Component('valarm');
  alarm.addPropertyWithValue('action', method === 'EMAIL' ? 'EMAIL' : 'DISPLAY');
  alarm.addPropertyWithValue('description', title);
  const trigger = new ICAL.Property('trigger');
  trigger.resetType('date-time');
  trigger.setValue(utc(time));
  alarm.addProperty(trigger);
  if (method === 'SMS') alarm.addPropertyWithValue('x-mainstay-method', method);
  if (recurrence) alarm.addPropertyWithValue('x-mainstay-rrule', recurrence);
  if (recurrence || timeZone !== 'UTC') alarm.addPropertyWithValue('x-mainstay-tzid', timeZone);
  return alarm;
}

const utc = (moment: Date) => ICAL.Time.fromJSDate(moment, true);
