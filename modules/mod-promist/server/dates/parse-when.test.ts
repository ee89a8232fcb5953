import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNext, parseWhen } from './parse-when.ts';

// A Saturday, 23:30 in Berlin.
const now = new Date('2026-11-21T22:30:00Z');
const read = (text: string) => {
  const when = parseWhen(text, { now, timeZone: 'Europe/Berlin' });
  return when && [when.time.toISOString().replace(':00.000Z', 'Z'), when.recurrence].filter(Boolean).join(' ');
};

for (const [text, expected] of Object.entries({
  tomorrow: '2026-11-22T22:59Z',
  'tomorrow 5pm': '2026-11-22T16:00Z',
  'in 2 hours': '2026-11-22T00:30Z',
  friday: '2026-11-27T22:59Z',
  'by friday': '2026-11-27T22:59Z',
  'Nov 30 2026 17:00': '2026-11-30T16:00Z',
  '2026-11-30': '2026-11-30T22:59Z',
  '2026-07-30 17:00': '2026-07-30T15:00Z',
  '2026-11-30T17:00:00+02:00': '2026-11-30T15:00Z',
  '+2d': '2026-11-23T22:59Z',
  'every monday': '2026-11-23T22:59Z FREQ=WEEKLY;BYDAY=MO',
  'every other tuesday at 9am': '2026-11-24T08:00Z FREQ=WEEKLY;BYDAY=TU;INTERVAL=2',
  'every day at 10:00': '2026-11-22T09:00Z FREQ=DAILY',
  'every 3 months': '2026-11-21T22:59Z FREQ=MONTHLY;INTERVAL=3',
  'every 1st': '2026-12-01T22:59Z FREQ=MONTHLY;BYMONTHDAY=1',
  'every 1st and 15th at 9:00': '2026-12-01T08:00Z FREQ=MONTHLY;BYMONTHDAY=1,15',
  'every last day': '2026-11-30T22:59Z FREQ=MONTHLY;BYMONTHDAY=-1',
  'every first workday of the month': '2026-12-01T22:59Z FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=1',
  'every 3rd friday': '2026-12-18T22:59Z FREQ=MONTHLY;BYDAY=3FR',
  'every mon, wed and fri 9am': '2026-11-23T08:00Z FREQ=WEEKLY;BYDAY=MO,WE,FR',
  'every jan 15': '2027-01-15T22:59Z FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=15',
  'every 29 feb': '2028-02-29T22:59Z FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29',
  'every! 3 days': '2026-11-21T22:59Z FREQ=DAILY;INTERVAL=3',
  'every three days': '2026-11-21T22:59Z FREQ=DAILY;INTERVAL=3',
  'ev morning': '2026-11-22T08:00Z FREQ=DAILY',
  'every monday evening': '2026-11-23T18:00Z FREQ=WEEKLY;BYDAY=MO',
  'every quarter': '2026-11-21T22:59Z FREQ=MONTHLY;INTERVAL=3',
  'every monday starting 5 Jan': '2027-01-11T22:59Z FREQ=WEEKLY;BYDAY=MO',
  'every 6 months starting jan 1': '2027-01-01T22:59Z FREQ=MONTHLY;INTERVAL=6',
  'every day 9am until 31 Dec': '2026-11-22T08:00Z FREQ=DAILY;UNTIL=20261231T225900Z',
  'every day at noon': '2026-11-22T11:00Z FREQ=DAILY',
  'tom 5pm': '2026-11-22T16:00Z',
  weekly: '2026-11-21T22:59Z FREQ=WEEKLY',
})) {
  test(`"${text}" is read as ${expected}`, () => assert.equal(read(text), expected));
}

test('what is not wholly understood is not guessed', () => {
  for (const text of ['', 'asdf', 'call mom tomorrow please', 'every blue moon', 'every monkey', 'every 32nd', 'every 0 days', 'every monday starting never', 'every day for ever', 'from monday to friday', '2026-13-45', 'tomorrow '.repeat(20)]) {
    assert.equal(read(text), undefined, text);
  }
});

test('a day without a time takes the time of day that the caller names', () => {
  const when = parseWhen('tomorrow', { now, timeZone: 'UTC', timeOfDay: '09:00' });
  assert.equal(when?.time.toISOString(), '2026-11-22T09:00:00.000Z');
});

test('of a rule that is not wholly understood, the next time is found', () => {
  const next = (text: string) => parseNext(text, { now, timeZone: 'Europe/Berlin' })?.toISOString();
  assert.equal(next('every jun 15, jan 15'), '2027-01-15T22:59:00.000Z');
  assert.equal(next('every blue moon'), undefined);
  assert.equal(next('jan 15'), undefined);
});
