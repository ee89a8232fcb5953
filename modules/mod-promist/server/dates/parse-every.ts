import { Temporal } from 'temporal-polyfill';
import { nextTime } from '../reminders/recurrence.ts';
import type { When, WhenOptions } from './when.ts';
import { endOfDay, localTime, momentOf } from './zoned-time.ts';

type ParseOnce = (words: string, options: WhenOptions) => When | undefined;

const weekdays = ['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'];
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const units: Record<string, string> = { day: 'DAILY', week: 'WEEKLY', month: 'MONTHLY', quarter: 'MONTHLY', year: 'YEARLY', hour: 'HOURLY' };
const numbers = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve'];
const ordinals = ['first', 'second', 'third', 'fourth', 'fifth'];
/** The times of day that have a name, as Todoist reads them. */
const dayTimes: Record<string, string> = { morning: '9:00', noon: '12:00', afternoon: '12:00', evening: '19:00', night: '22:00' };
const single: Record<string, string> = { daily: 'every day', weekly: 'every week', monthly: 'every month', quarterly: 'every quarter', yearly: 'every year', annually: 'every year' };

/** Whether words tell of times that recur: "every monday", "daily". */
export const isEvery = (words: string): boolean => Object.hasOwn(single, words.toLowerCase()) || /^(every|each|ev)\b/i.test(words);

/**
 * Reads times that recur, as people and Todoist write them: "every 2 weeks", "every 1st", "every mon, wed 9am",
 * "every 3rd friday", "every 15 jan starting 2027-01-15". The first time is the nearest one.
 */
export function parseEvery(text: string, options: WhenOptions, parseOnce: ParseOnce): When | undefined {
  const words = (single[text.toLowerCase()] ?? text.toLowerCase()).replace(/^(?:every|each|ev)\b!?(?: single\b)?/, '').trim();
  const [, body = '', starting, until] = /^(.*?)(?: (?:starting|from) (?:on )?(.+?))?(?: (?:until|ending) (?:on )?(.+))?$/.exec(words) ?? [];
  const { what, clock } = withoutClock(body);
  const rule = ruleOf(what);
  const start = starting ? parseOnce(starting, options)?.time : options.now;
  const end = until ? parseOnce(until, options)?.time : undefined;
  if (!rule || !start || (until && !end)) return undefined;
  return firstOf(rule + (end ? `;UNTIL=${end.toISOString().replace(/[-:]|\.\d+/g, '')}` : ''), { start, clock, starting: Boolean(starting) }, options, parseOnce);
}

/** The next single time that stands in words about times that recur, for rules that are not understood as a whole. */
export function nextOfEvery(text: string, options: WhenOptions, parseOnce: ParseOnce): Date | undefined {
  const parts = text.replace(/^(?:every|each|ev)\b!?\s*/i, '').split(/,| and | starting | until /i).map((part) => part.trim());
  const times = parts.flatMap((part) => parseEvery(`every ${part}`, options, parseOnce)?.time ?? parseOnce(part, options)?.time ?? []);
  return times.filter((time) => time > options.now).sort((a, b) => a.getTime() - b.getTime())[0];
}

function firstOf(recurrence: string, { start, clock, starting }: { start: Date; clock?: string | undefined; starting: boolean }, options: WhenOptions, parseOnce: ParseOnce): When | undefined {
  const { now, timeZone, timeOfDay } = options;
  const day = localTime(start, timeZone).toPlainDate();
  const time = clock ? clockOf(clock, options, parseOnce) : timeOfDay ? Temporal.PlainTime.from(timeOfDay) : endOfDay(day).toPlainTime();
  if (!time) return undefined;
  const first = recurrence.startsWith('FREQ=HOURLY') ? start : momentOf(day.toPlainDateTime(time), timeZone);
  // Only from the first time on does "every other" skip.
  const next = nextTime({ time: first, recurrence: recurrence.replace(/;INTERVAL=\d+/, ''), timeZone }, starting && start > now ? new Date(first.getTime() - 1) : now);
  return next && { time: next, recurrence };
}

function clockOf(clock: string, options: WhenOptions, parseOnce: ParseOnce): Temporal.PlainTime | undefined {
  const moment = parseOnce(`today ${clock}`, options)?.time;
  return moment && localTime(moment, options.timeZone).toPlainTime();
}

/** Parts "mon, wed at 9am" into its days and its time of day. */
function withoutClock(body: string): { what: string; clock?: string | undefined } {
  const named = /^(?:(.*?) (?:at |in the )?)?(morning|noon|afternoon|evening|night)s?$/.exec(body);
  if (named) return { what: named[1] || 'day', clock: dayTimes[named[2]!] };
  const [, what = body, clock] = /^(.*?),? (?:at |@ ?)?(\d{1,2}(?::\d{2})? ?[ap]m|\d{1,2}:\d{2}|(?<=(?:at |@ ?))\d{1,2})$/.exec(body) ?? [];
  return { what, clock };
}

function ruleOf(what: string): string | undefined {
  const [, amount, word = ''] = /^(?:(\d{1,3}|other|[a-z]+) )?([a-z]+)$/.exec(what) ?? [];
  const step = amount === undefined ? 1 : amount === 'other' ? 2 : Number(amount) || numbers.indexOf(amount) + 1;
  const unit = step > 0 ? unitRule(word, step) : undefined;
  return unit ?? weekdaysRule(what) ?? monthRule(what) ?? yearRule(what);
}

function unitRule(word: string, step: number): string | undefined {
  const unit = word.replace(/s$/, '');
  const length = unit === 'quarter' ? 3 * step : step;
  const interval = length > 1 ? `;INTERVAL=${length}` : '';
  if (Object.hasOwn(units, unit)) return `FREQ=${units[unit]}${interval}`;
  if (unit === 'weekday' || unit === 'workday') return step === 1 ? 'FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR' : undefined;
  if (unit === 'weekend') return `FREQ=WEEKLY;BYDAY=SA${interval}`;
  const day = weekdayOf(word);
  return day && `FREQ=WEEKLY;BYDAY=${day}${interval}`;
}

function weekdaysRule(what: string): string | undefined {
  const days = what.split(/, ?(?:and )?| and | & /).map(weekdayOf);
  return days.every((day) => day !== undefined) ? `FREQ=WEEKLY;BYDAY=${days.join(',')}` : undefined;
}

/** "1st", "1st and 15th", "last day", "3rd friday", "first workday". */
function monthRule(what: string): string | undefined {
  const month = what.replace(/ (?:of (?:the|every|each) )?month$/, '');
  const dates = month.split(/, ?| and /).map((date) => /^(\d{1,2})(?:st|nd|rd|th)$/.exec(date)?.[1]);
  if (dates.every((date) => date && Number(date) >= 1 && Number(date) <= 31)) return `FREQ=MONTHLY;BYMONTHDAY=${dates.join(',')}`;
  const [, nth = '', word = ''] = /^(\w+) (\w+)$/.exec(month) ?? [];
  const position = nth === 'last' ? -1 : ordinals.indexOf(nth) + 1 || Number(/^([1-5])(?:st|nd|rd|th)$/.exec(nth)?.[1] ?? 0);
  if (!position) return undefined;
  if (word === 'day') return `FREQ=MONTHLY;BYMONTHDAY=${position}`;
  if (word === 'workday' || word === 'weekday') return `FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=${position}`;
  const day = weekdayOf(word);
  return day && `FREQ=MONTHLY;BYDAY=${position}${day}`;
}

/** "jan 15", "15 january", "1st of january". */
function yearRule(what: string): string | undefined {
  const [, before, name = '', after] = /^(?:(\d{1,2})(?:st|nd|rd|th)?(?: of)? )?([a-z]{3,9})(?: (\d{1,2})(?:st|nd|rd|th)?)?$/.exec(what) ?? [];
  const month = months.indexOf(name.slice(0, 3)) + 1;
  const day = Number(before ?? after);
  return month && day >= 1 && day <= 31 && !(before && after) ? `FREQ=YEARLY;BYMONTH=${month};BYMONTHDAY=${day}` : undefined;
}

const weekdayOf = (word: string): string | undefined =>
  /^(mon|tue|wed|thu|fri|sat|sun)(day|sday|nesday|rsday|urday|s|rs|r)?s?$/.test(word) ? weekdays.find((short) => word.toUpperCase().startsWith(short)) : undefined;
