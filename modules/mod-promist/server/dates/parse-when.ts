import * as chrono from 'chrono-node/en';
import { Temporal } from 'temporal-polyfill';
import { isEvery, nextOfEvery, parseEvery } from './parse-every.ts';
import type { When, WhenOptions } from './when.ts';
import { endOfDay, localTime, momentOf } from './zoned-time.ts';

/** Reads a time as people write it in English: "2026-11-30 17:00", "tomorrow 5pm", "in 2 hours", "every monday". */
export function parseWhen(text: string, options: WhenOptions): When | undefined {
  const words = text.trim().replace(/\s+/g, ' ');
  if (words.length > 100) return undefined;
  return isEvery(words) ? parseEvery(words, options, parseOnce) : parseOnce(words, options);
}

/** The next time of words about times that recur, which `parseWhen` does not understand as a whole. */
export function parseNext(text: string, options: WhenOptions): Date | undefined {
  const words = text.trim().replace(/\s+/g, ' ');
  return words.length <= 100 && isEvery(words) ? nextOfEvery(words, options, parseOnce) : undefined;
}

function parseOnce(words: string, { now, timeZone, timeOfDay }: WhenOptions): When | undefined {
  const text = words.replace(/^(on|by|due) /i, '').replace(/^(tod|tom)\b/i, (short) => ({ tod: 'today', tom: 'tomorrow' })[short.toLowerCase()]!);
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

const atTime = (day: Temporal.PlainDate, timeOfDay?: string) => (timeOfDay ? day.toPlainDateTime(Temporal.PlainTime.from(timeOfDay)) : endOfDay(day));
