import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseWhen } from './parse-when.ts';

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
  weekly: '2026-11-21T22:59Z FREQ=WEEKLY',
})) {
  test(`"${text}" is read as ${expected}`, () => assert.equal(read(text), expected));
}

test('what is not wholly understood is not guessed', () => {
  for (const text of ['', 'asdf', 'call mom tomorrow please', 'every blue moon', 'every monkey', 'from monday to friday', '2026-13-45', 'tomorrow '.repeat(20)]) {
    assert.equal(read(text), undefined, text);
  }
});

test('a day without a time takes the time of day that the caller names', () => {
  const when = parseWhen('tomorrow', { now, timeZone: 'UTC', timeOfDay: '09:00' });
  assert.equal(when?.time.toISOString(), '2026-11-22T09:00:00.000Z');
});
