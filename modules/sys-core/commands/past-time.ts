import { InvalidArgumentError } from 'commander';
import { Temporal } from 'temporal-polyfill';

const units = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const ago = /^(\d{1,6})([smhd])$/;
const written = /^\d{4}-\d\d-\d\d(?<time>T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(?<zone>Z|[+-]\d\d:\d\d)?)?$/;

/**
 * A time from the command line: how long before `now`, such as `2h`, or a date (ISO 8601), with or without a time, in UTC if it
 * names no offset from it: as the audit shows times. Throws an `InvalidArgumentError` for anything else.
 */
export function pastTime(text: string, now = Date.now()): Date {
  const [, amount, unit] = ago.exec(text) ?? [];
  if (amount) return new Date(now - Number(amount) * units[unit as keyof typeof units]);
  const found = written.exec(text)?.groups;
  if (!found) throw wrong();
  try {
    return new Date(Temporal.Instant.from(`${text}${found.time ? '' : 'T00:00'}${found.zone ? '' : 'Z'}`).epochMilliseconds);
  } catch {
    throw wrong();
  }
}

const wrong = () => new InvalidArgumentError('Write it like 2026-11-30, 2026-11-30T09:00Z, or 2h for the last two hours.');
