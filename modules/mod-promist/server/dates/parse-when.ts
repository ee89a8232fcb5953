import * as chrono from 'chrono-node';
import { Temporal } from 'temporal-polyfill';
import { nextTime } from '../reminders/recurrence.ts';
import { endOfDay, localTime, momentOf } from './zoned-time.ts';

/** A time as a person wrote it; with a rule of RFC 5545 if they wrote "every". */
export interface When {
  time: Date;
  recurrence: string;
}

export interface WhenOptions {
  now: Date;
  timeZone: string;
  /** The time of a day that was named without one: 23:59 if absent, as for something due. */
  timeOfDay?: string;
}

const weekdays = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];
const units: Record<string, string> = { day: 'DAILY', week: 'WEEKLY', month: 'MONTHLY', year: 'YEARLY', hour: 'HOURLY' };
const single: Record<string, string> = { daily: 'every day', weekly: 'every week', monthly: 'every month', yearly: 'every year' };
const every = /^every\s+(?:(\d{1,3}|other)\s+)?([a-z]+?)s?(?:\s+(?:at\s+|@\s*)?(\d.*|noon))?$/i;

/** Reads a time as people write it in English: "2026-11-30 17:00", "tomorrow 5pm", "in 2 hours", "every monday". */
export function parseWhen(text: string, options: WhenOptions): When | undefined {
  const words = text.trim().replace(/\s+/g, ' ');
  if (words.length > 100) return undefined;
  const recurring = every.exec(single[words.toLowerCase()] ?? words);
  return recurring ? parseEvery(recurring, options) : parseOnce(words, options);
}

function parseOnce(words: string, { now, timeZone, timeOfDay }: WhenOptions): When | undefined {
  const text = words.replace(/^(on|by|due) /i, '');
  const reference = { instant: now, timezone: localTime(now, timeZone).offsetNanoseconds / 60e9 };
  const [found, ...more] = chrono.casual.parse(text, reference, { forwardDate: true });
  // Words that were not understood may change the meaning: better none than a wrong time.
  if (!found || more.length || found.text.length !== text.length || found.end) return undefined;
  const { start } = found;
  if (start.isCertain('hour') && start.isCertain('timezoneOffset')) return { time: start.date(), recurrence: '' };
  const day = Temporal.PlainDate.from({ year: start.get('year')!, month: start.get('month')!, day: start.get('day')! });
  if (!start.isCertain('hour')) return { time: momentOf(atTime(day, timeOfDay), timeZone), recurrence: '' };
  const time = { hour: start.get('hour')!, minute: start.get('minute') ?? 0, second: start.get('second') ?? 0 };
  return { time: momentOf(day.toPlainDateTime(time), timeZone), recurrence: '' };
}

function parseEvery([, interval, word = '', clock]: RegExpExecArray, options: WhenOptions): When | undefined {
  const rule = ruleOf(word.toLowerCase(), interval);
  if (!rule) return undefined;
  const { now, timeZone, timeOfDay } = options;
  const today = localTime(now, timeZone).toPlainDate();
  const start = clock ? parseOnce(`today ${clock}`, options)?.time : momentOf(atTime(today, timeOfDay), timeZone);
  if (!start) return undefined;
  const first = rule.startsWith('FREQ=HOURLY') ? now : start;
  // The first time is the nearest one; only from there on does "every other" skip.
  const time = nextTime({ time: first, recurrence: rule.replace(/;INTERVAL=\d+/, ''), timeZone }, now);
  return time && { time, recurrence: rule };
}

function ruleOf(word: string, interval?: string): string | undefined {
  const step = interval === 'other' ? 2 : Number(interval ?? 1);
  const every = step > 1 ? `;INTERVAL=${step}` : '';
  if (units[word]) return `FREQ=${units[word]}${every}`;
  if (word === 'weekday' || word === 'workday') return 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR';
  const day = /^(mon|tue|wed|thu|fri|sat|sun)(day|sday|nesday|rsday|urday|s|rs|r)?$/.test(word) ? weekdays.find((short) => word.toUpperCase().startsWith(short)) : undefined;
  return day && `FREQ=WEEKLY;BYDAY=${day}${every}`;
}

const atTime = (day: Temporal.PlainDate, timeOfDay?: string) => (timeOfDay ? day.toPlainDateTime(Temporal.PlainTime.from(timeOfDay)) : endOfDay(day));
