import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { scheduleOf } from '../process/run-schedules.ts';
import { cron } from './job.ts';

const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/Santiago', 'Asia/Kathmandu', 'Africa/Casablanca', 'America/St_Johns', 'Atlantic/Azores'];
const MINUTE = 60_000;

/** The minutes in which a schedule runs, between two instants. */
function runs(expression: string, timeZone: string, from: string | number, to: string | number): string[] {
  const { isDue } = scheduleOf('mod-a/x', expression, timeZone);
  const found: string[] = [];
  for (let minute = new Date(from).getTime(); minute < new Date(to).getTime(); minute += MINUTE) if (isDue(new Date(minute))) found.push(new Date(minute).toISOString());
  return found;
}

test('a time that is skipped runs once, when the clock has jumped', () => {
  assert.deepEqual(runs('30 2 * * *', 'Europe/Berlin', '2026-03-28T12:00Z', '2026-03-30T12:00Z'), ['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']);
  assert.deepEqual(runs('10,20,30 2 29 3 *', 'Europe/Berlin', '2026-03-28T12:00Z', '2026-03-30T12:00Z'), ['2026-03-29T01:00:00.000Z']);
});

test('a time that comes twice runs the first time', () => {
  assert.deepEqual(runs('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00Z', '2026-10-26T12:00Z'), ['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']);
});

test('a schedule for every hour or every few minutes goes by what the clock shows', () => {
  assert.equal(runs('0 * * * *', 'Europe/Berlin', '2026-03-28T23:00Z', '2026-03-29T22:00Z').length, 23);
  assert.equal(runs('0 * * * *', 'Europe/Berlin', '2026-10-24T22:00Z', '2026-10-25T23:00Z').length, 25);
  assert.equal(runs('*/30 2 * * *', 'Europe/Berlin', '2026-10-24T22:00Z', '2026-10-25T23:00Z').length, 4);
});

test('Sunday is 0 and 7, in its time zone', () => {
  assert.deepEqual(runs('30 0 * * 0', 'Asia/Kathmandu', '2026-11-20T00:00Z', '2026-11-26T00:00Z'), ['2026-11-21T18:45:00.000Z']);
});

test('without a time zone a schedule is in UTC, and one that is none is refused', () => {
  const { isDue } = scheduleOf('mod-a/x', '30 2 * * *');
  assert.deepEqual([isDue(new Date('2026-03-29T02:30Z')), isDue(new Date('2026-03-29T01:30Z'))], [true, false]);
  assert.throws(() => cron('x', '* * * * *', async () => {}, { timeZone: 'Europe/Atlantis' }), /there is no time zone Europe\/Atlantis; name one as IANA does/);
});

/** When a time of day comes on a date: the first time, or, where it is skipped, when the clock has jumped. */
function instantOf(date: Temporal.PlainDate, hour: number, minute: number, timeZone: string): number {
  const wanted = date.toPlainDateTime({ hour, minute });
  const found = wanted.toZonedDateTime(timeZone, { disambiguation: 'earlier' });
  if (found.toPlainDateTime().equals(wanted)) return found.epochMilliseconds;
  return found.getTimeZoneTransition('next')!.epochMilliseconds;
}

test('a schedule for certain times runs at each of them once, as Temporal tells them, whatever the clocks do', () => {
  const times = fc.uniqueArray(fc.nat(23), { minLength: 1, maxLength: 3 });
  fc.assert(fc.property(fc.constantFrom(...zones), times, fc.nat(59), fc.integer({ min: 2020, max: 2032 }), fc.boolean(), (timeZone, hours, minute, year, next) => {
    // Around a change of the clocks, if there is one.
    const middle = Temporal.PlainDate.from({ year, month: 6, day: 1 }).toZonedDateTime(timeZone);
    const change = middle.getTimeZoneTransition(next ? 'next' : 'previous')?.toPlainDate() ?? middle.toPlainDate();
    const days = [-1, 0, 1].map((add) => change.add({ days: add }));
    const [from, to] = [days[0]!, days[2]!.add({ days: 1 })].map((day) => day.toZonedDateTime(timeZone).epochMilliseconds) as [number, number];
    const wanted = new Set(days.flatMap((day) => hours.map((hour) => instantOf(day, hour, minute, timeZone))).filter((time) => time >= from && time < to));
    assert.deepEqual(runs(`${minute} ${hours.join(',')} * * *`, timeZone, from, to), [...wanted].sort((one, other) => one - other).map((time) => new Date(time).toISOString()));
  }), { numRuns: 60 });
});
