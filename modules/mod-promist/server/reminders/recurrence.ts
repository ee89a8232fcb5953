import { RRuleTemporal } from 'rrule-temporal';
import { Temporal } from 'temporal-polyfill';
import { endOfDay, isTimeZone, localTime } from '../dates/zoned-time.ts';

/** A time, or a rule for times (RFC 5545) that counts from it. */
export interface Schedule {
  time: Date;
  /** An RRULE without its name; empty for a single time. */
  recurrence: string;
  /** The IANA time zone in which the rule is read: nine o'clock stays nine o'clock when summer time begins. */
  timeZone: string;
}

const mostRepeats = 1000;
const list = (number: string) => new RegExp(`^${number}(,${number})*$`);
const upTo = (max: number, min = 0) => (value: string) => value.split(',').every((part) => /^\d{1,4}$/.test(part) && Number(part) <= max && Number(part) >= min);
const signedUpTo = (max: number) => (value: string) => value.split(',').every((part) => /^[+-]?\d{1,3}$/.test(part) && Math.abs(Number(part)) <= max && Number(part) !== 0);

/** The parts of a rule that are understood, and what each may hold. */
const parts: Record<string, (value: string) => boolean> = {
  FREQ: (value) => ['MINUTELY', 'HOURLY', 'DAILY', 'WEEKLY', 'MONTHLY', 'YEARLY'].includes(value),
  INTERVAL: upTo(9999, 1),
  COUNT: upTo(mostRepeats, 1),
  UNTIL: (value) => /^\d{8}(T\d{6}Z?)?$/.test(value),
  WKST: (value) => /^(MO|TU|WE|TH|FR|SA|SU)$/.test(value),
  BYDAY: (value) => list('([+-]?\\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)').test(value),
  BYMONTH: upTo(12, 1),
  BYMONTHDAY: signedUpTo(31),
  BYYEARDAY: signedUpTo(366),
  BYWEEKNO: signedUpTo(53),
  BYSETPOS: signedUpTo(366),
  BYHOUR: upTo(23),
  BYMINUTE: upTo(59),
  // One second only: nobody is reminded more than once a minute.
  BYSECOND: (value) => /^\d{1,2}$/.test(value) && Number(value) <= 59,
};

/** A rule as it is kept: upper case, without `RRULE:` and blanks. */
export const normalRule = (rule: string): string => rule.trim().toUpperCase().replace(/^RRULE:/, '').replace(/;$/, '');

/** What is wrong with a schedule, if anything. */
export function problemOf(schedule: Schedule): string | undefined {
  if (!isTimeZone(schedule.timeZone)) return `"${schedule.timeZone}" is not a time zone: write one like Europe/Berlin`;
  if (!schedule.recurrence) return undefined;
  const seen = new Set<string>();
  for (const part of schedule.recurrence.split(';')) {
    const [, name = '', value = ''] = /^([A-Z]+)=(.*)$/.exec(part) ?? [];
    if (name === 'FREQ' && value === 'SECONDLY') return 'a reminder may recur once a minute at most';
    if (name === 'COUNT' && /^\d+$/.test(value) && Number(value) > mostRepeats) return `COUNT may be ${mostRepeats} at most`;
    if (!Object.hasOwn(parts, name) || seen.has(name)) return `"${part}" is not understood in a recurrence rule (RFC 5545)`;
    if (!parts[name]!(value)) return `${name}=${value} is not allowed in a recurrence rule`;
    seen.add(name);
  }
  if (!seen.has('FREQ')) return 'a recurrence rule needs FREQ, such as FREQ=WEEKLY';
  if (seen.has('COUNT') && seen.has('UNTIL')) return 'a recurrence rule may have COUNT or UNTIL, not both';
  try {
    return firstAfter(schedule, schedule.time, true) ? undefined : 'the recurrence rule never comes true';
  } catch (error) {
    return /exceeded/.test(String(error)) ? 'the recurrence rule never comes true' : `the recurrence rule is wrong: ${lowerFirst((error as Error).message)}`;
  }
}

/** The first time of a schedule after `after`, if one is left. */
export function nextTime(schedule: Schedule, after: Date): Date | undefined {
  if (schedule.recurrence) return firstAfter(schedule, after, false);
  return schedule.time > after ? schedule.time : undefined;
}

function firstAfter({ time, recurrence, timeZone }: Schedule, after: Date, inclusive: boolean): Date | undefined {
  const dtstart = localTime(time, timeZone);
  const rruleString = `RRULE:${recurrence.replace(/UNTIL=[^;]+/, (until) => `UNTIL=${untilInUtc(until.slice(6), timeZone)}`)}`;
  // The bounds end the search of a rule that never comes true, such as the 30th of February.
  const rule = new RRuleTemporal({ rruleString, dtstart, tzid: timeZone, strict: true, includeDtstart: false, maxIterations: 2 * mostRepeats, maxCandidateEvaluations: 50_000 });
  const next = rule.next(localTime(after, timeZone), inclusive);
  return next ? new Date(next.epochMilliseconds) : undefined;
}

/** RFC 5545 wants UNTIL in UTC beside a start with a time zone; many programs write a date or a local time. */
function untilInUtc(until: string, timeZone: string): string {
  if (until.endsWith('Z')) return until;
  const local = until.length === 8 ? endOfDay(Temporal.PlainDate.from(until)) : Temporal.PlainDateTime.from(until);
  const utc = local.toZonedDateTime(timeZone).toInstant().toString({ smallestUnit: 'second' });
  return utc.replace(/[-:]/g, '');
}

const lowerFirst = (text: string) => text.charAt(0).toLowerCase() + text.slice(1);
