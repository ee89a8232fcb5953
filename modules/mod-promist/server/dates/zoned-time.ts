import { Temporal } from 'temporal-polyfill';

/** Whether `name` is a time zone of the IANA database (or `UTC`). */
export function isTimeZone(name: string): boolean {
  try {
    return !/^[+-]/.test(name) && Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name).timeZoneId !== '';
  } catch {
    return false;
  }
}

/** The moment of a wall-clock time; a time that the change to summer time skips is moved forward, as RFC 5545 says. */
export const momentOf = (local: Temporal.PlainDateTime, timeZone: string): Date => new Date(local.toZonedDateTime(timeZone).epochMilliseconds);

/** The wall-clock time of a moment. */
export const localTime = (moment: Date, timeZone: string): Temporal.ZonedDateTime =>
  Temporal.Instant.fromEpochMilliseconds(moment.getTime()).toZonedDateTimeISO(timeZone);

/** The last minute of a day: when something that names only a day is due. */
export const endOfDay = (day: Temporal.PlainDate): Temporal.PlainDateTime => day.toPlainDateTime({ hour: 23, minute: 59 });
