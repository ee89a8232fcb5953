import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import ICAL from 'ical.js';
import { nextTime, normalRule, problemOf, type Schedule } from './recurrence.ts';

const schedule = (recurrence: string, time = '2026-03-20T01:30:00Z', timeZone = 'Europe/Berlin'): Schedule => ({ time: new Date(time), recurrence, timeZone });

/** The first times of a schedule after its start, told by asking for one after the other. */
function times(given: Schedule, count: number, from = new Date(given.time.getTime() - 1)): string[] {
  const found: string[] = [];
  for (let after: Date | undefined = from; found.length < count && (after = nextTime(given, after)); ) found.push(after.toISOString());
  return found;
}

test('a single time comes once', () => {
  assert.deepEqual(times(schedule(''), 3), ['2026-03-20T01:30:00.000Z']);
  assert.equal(nextTime(schedule(''), new Date('2026-03-20T01:30:00Z')), undefined);
});

test('nine o\'clock stays nine o\'clock when summer time begins', () => {
  const given = schedule('FREQ=DAILY', '2026-03-28T08:00:00Z');
  assert.deepEqual(times(given, 3), ['2026-03-28T08:00:00.000Z', '2026-03-29T07:00:00.000Z', '2026-03-30T07:00:00.000Z']);
});

test('COUNT and UNTIL end a rule', () => {
  assert.equal(times(schedule('FREQ=DAILY;COUNT=3'), 10).length, 3);
  assert.equal(times(schedule('FREQ=DAILY;UNTIL=20260322T013000Z'), 10).length, 3);
  assert.equal(times(schedule('FREQ=DAILY;UNTIL=20260322'), 10).length, 3);
});

test('the next time is found at once, however long ago the rule began', () => {
  const started = performance.now();
  const next = nextTime(schedule('FREQ=MINUTELY;INTERVAL=7', '1971-01-01T00:00:00Z'), new Date('2026-11-21T10:00:00Z'));
  assert.ok(next && next > new Date('2026-11-21T10:00:00Z') && next.getTime() - Date.parse('2026-11-21T10:00:00Z') <= 7 * 60_000);
  assert.ok(performance.now() - started < 500);
});

test('a wrong, endless or too frequent rule is refused with its reason', () => {
  const refused: Record<string, RegExp> = {
    'FREQ=SECONDLY': /once a minute/,
    'FREQ=DAILY;BYSECOND=1,2': /BYSECOND/,
    'FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30': /never/,
    'FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30': /never/,
    'FREQ=DAILY;COUNT=100000000': /COUNT/,
    'FREQ=DAILY;COUNT=-1': /COUNT/,
    'FREQ=DAILY;INTERVAL=0': /INTERVAL/,
    'FREQ=DAILY;BYHOUR=25': /BYHOUR/,
    'FREQ=YEARLY;BYMONTH=13': /BYMONTH/,
    'FREQ=DAILY;COUNT=2;UNTIL=20300101': /not both/,
    'FREQ=DAILY;UNTIL=20269999': /wrong/,
    'FREQ=DAILY;FREQ=WEEKLY': /not understood/,
    'FREQ=DAILY\nEXDATE:20260101': /FREQ/,
    'FREQ=DAILY;__PROTO__=1': /not understood/,
    'COUNT=3': /FREQ/,
    nonsense: /not understood/,
  };
  for (const [rule, reason] of Object.entries(refused)) assert.match(problemOf(schedule(rule)) ?? 'accepted', reason, rule);
  assert.match(problemOf(schedule('FREQ=DAILY', undefined, 'Mars/Olympus')) ?? '', /time zone/);
  assert.equal(problemOf(schedule('FREQ=MONTHLY;BYDAY=-1FR')), undefined);
});

test('no text breaks the check', () => {
  fc.assert(fc.property(fc.string(), (text) => { problemOf(schedule(normalRule(text) || 'x')); }), { numRuns: 300 });
});

const rules = fc.oneof(
  fc.record({ freq: fc.constantFrom('DAILY', 'HOURLY'), interval: fc.integer({ min: 1, max: 9 }) }).map((r) => `FREQ=${r.freq};INTERVAL=${r.interval}`),
  fc.record({ interval: fc.integer({ min: 1, max: 4 }), days: fc.subarray(['MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU'], { minLength: 1 }) }).map((r) => `FREQ=WEEKLY;INTERVAL=${r.interval};BYDAY=${r.days}`),
  fc.record({ day: fc.constantFrom('1MO', '-1FR', '2WE'), interval: fc.integer({ min: 1, max: 3 }) }).map((r) => `FREQ=MONTHLY;INTERVAL=${r.interval};BYDAY=${r.day}`),
  fc.record({ day: fc.integer({ min: 1, max: 31 }) }).map((r) => `FREQ=MONTHLY;BYMONTHDAY=${r.day}`),
  fc.record({ month: fc.integer({ min: 1, max: 12 }), day: fc.integer({ min: 1, max: 28 }) }).map((r) => `FREQ=YEARLY;BYMONTH=${r.month};BYMONTHDAY=${r.day}`),
);

test('rules give the same times as another implementation of RFC 5545', () => {
  fc.assert(fc.property(rules, fc.date({ min: new Date('2020-01-01'), max: new Date('2027-01-01'), noInvalidDate: true }), (rule, day) => {
    const start = new Date(Math.floor(day.getTime() / 1000) * 1000);
    assert.deepEqual(times(schedule(rule, start.toISOString(), 'UTC'), 5), ofIcal(rule, start, 5));
  }), { numRuns: 200 });
});

function ofIcal(rule: string, start: Date, count: number): string[] {
  const iterator = ICAL.Recur.fromString(rule).iterator(ICAL.Time.fromJSDate(start, true));
  const found: string[] = [];
  for (let steps = 0; steps < 2000 && found.length < count; steps++) {
    const time = iterator.next();
    if (!time) break;
    if (time.toJSDate() >= start) found.push(time.toJSDate().toISOString());
  }
  return found;
}
