import { Temporal } from 'temporal-polyfill';

const MINUTE = 60_000;

/** The fields of a cron expression as one minute has them. */
export interface MinuteFields {
  min: number;
  hour: number;
  date: number;
  month: number;
  /** 0 is Sunday. */
  dow: number;
}

export type MatchesMinute = (fields: MinuteFields) => boolean;

/**
 * Whether a schedule in a time zone is due in the minute that begins at `minute`, a multiple of 60,000 milliseconds since the epoch.
 *
 * Where clocks change, it does what Vixie cron does. A schedule for certain times, whose minute and hour both do not begin with
 * `*`, misses none and runs none twice: one whose time is skipped runs in the minute to which the clock jumps, once however many
 * of its times were skipped; one whose time comes twice runs the first time. Any other (`isFrequent`) goes by what the clock shows:
 * it runs in doubled minutes twice, and in skipped ones not at all.
 */
export function isDue(matches: MatchesMinute, isFrequent: boolean, timeZone: string, minute: number): boolean {
  const now = at(timeZone, minute);
  if (isFrequent) return matches(fieldsOf(now.toPlainDateTime()));
  const before = at(timeZone, minute - MINUTE);
  const change = now.offsetNanoseconds - before.offsetNanoseconds;
  if (change > 0) return someBetween(matches, before.toPlainDateTime(), now.toPlainDateTime());
  return matches(fieldsOf(now.toPlainDateTime())) && !isRepeated(now);
}

const at = (timeZone: string, minute: number): Temporal.ZonedDateTime => Temporal.Instant.fromEpochMilliseconds(minute).toZonedDateTimeISO(timeZone);

const fieldsOf = ({ minute, hour, day, month, dayOfWeek }: Temporal.PlainDateTime): MinuteFields => ({ min: minute, hour, date: day, month, dow: dayOfWeek % 7 });

/** Whether a time after `last`, up to `now`, matches. */
function someBetween(matches: MatchesMinute, last: Temporal.PlainDateTime, now: Temporal.PlainDateTime): boolean {
  for (let time = last.add({ minutes: 1 }); Temporal.PlainDateTime.compare(time, now) <= 0; time = time.add({ minutes: 1 })) if (matches(fieldsOf(time))) return true;
  return false;
}

/** Whether the clock showed this time before. */
function isRepeated(now: Temporal.ZonedDateTime): boolean {
  const first = now.toPlainDateTime().toZonedDateTime(now.timeZoneId, { disambiguation: 'earlier' });
  return first.epochMilliseconds < now.epochMilliseconds;
}

/** Throws if there is no such time zone (IANA). */
export function checkTimeZone(timeZone: string): void {
  try {
    at(timeZone, 0);
  } catch {
    throw new Error(`there is no time zone ${timeZone}; name one as IANA does, such as Europe/Berlin`);
  }
}
