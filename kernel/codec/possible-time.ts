/** Whether the month of the year has the day; of the Gregorian calendar, as RFC 3339 counts. */
export function isDay(year: number, month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month);
}

function daysOf(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/**
 * Whether a text of the form `2026-03-31T12:00:00.5+01:00` names a time that exists: a day that its month has, hour 23,
 * minute 59 and second 59 at most, an offset below a day. `Date.parse` makes 1 March of 29 February 2026, and the next day of hour 24.
 */
export function isPossibleTime(text: string): boolean {
  const number = (from: number, to?: number) => Number(text.slice(from, to));
  const hasOffset = text.at(-3) === ':';
  return isDay(number(0, 4), number(5, 7), number(8, 10)) && isClock(number(11, 13), number(14, 16)) && number(17, 19) <= 59 && (!hasOffset || isClock(number(-5, -3), number(-2)));
}

const isClock = (hour: number, minute: number) => hour <= 23 && minute <= 59;

/** Whether a text is a span of time as ProtoJSON writes it, such as `90s` or `-1.5s`. */
export const isDuration = (text: string): boolean => /^-?\d+(?:\.\d{1,9})?s$/.test(text);
