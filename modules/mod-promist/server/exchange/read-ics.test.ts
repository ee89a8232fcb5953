import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFile } from './read-file.ts';

const options = { now: new Date('2026-11-21T10:00:00Z'), timeZone: 'Europe/Berlin' };
const read = (text: string) => [...readFile(text, 'ICS', options)];
const todo = (...lines: string[]) => ['BEGIN:VCALENDAR', 'BEGIN:VTODO', 'SUMMARY:Call Ben', ...lines, 'END:VTODO', 'END:VCALENDAR'].join('\r\n');

function only(text: string) {
  const [entry, ...more] = read(text);
  assert.equal(more.length, 0);
  return entry && 'promise' in entry ? { ...entry.promise, warnings: entry.warnings } : assert.fail(JSON.stringify(entry));
}

for (const [due, expected] of Object.entries({
  'DUE:20261130T160000Z': '2026-11-30T16:00:00.000Z',
  'DUE;TZID=America/New_York:20261130T090000': '2026-11-30T14:00:00.000Z',
  'DUE;TZID=/freeassociation.sourceforge.net/Europe/Berlin:20261130T090000': '2026-11-30T08:00:00.000Z',
  'DUE;TZID="W. Europe Standard Time":20261130T090000': '2026-11-30T08:00:00.000Z',
  'DUE:20261130T090000': '2026-11-30T08:00:00.000Z',
  'DUE;VALUE=DATE:20261130': '2026-11-30T22:59:00.000Z',
  'DTSTART:20261130T090000Z\r\nDURATION:PT2H': '2026-11-30T11:00:00.000Z',
})) {
  test(`${due.replace('\r\n', ' ')} is due at ${expected}`, () => assert.equal(only(todo(due)).dueTime?.toISOString(), expected));
}

test('an unknown time zone is reported, and that of the import is taken', () => {
  const promise = only(todo('DUE;TZID=Mars:20261130T090000'));
  assert.equal(promise.dueTime?.toISOString(), '2026-11-30T08:00:00.000Z');
  assert.match(promise.warnings.join(), /"Mars" is not known/);
});

test('everything a to-do says about a promise arrives', () => {
  const promise = only(todo('UID:a-1', 'DESCRIPTION:First\\, the\\nsecond', 'CREATED:20261101T080000Z', 'STATUS:COMPLETED', 'COMPLETED:20261102T080000Z', 'CATEGORIES:work,home', 'CATEGORIES:home', 'ATTENDEE;CN="Ben B":mailto:ben@acme.test', 'PRIORITY:1'));
  assert.deepEqual({ ...promise, madeAt: promise.madeAt?.toISOString(), settledAt: promise.settledAt?.toISOString() }, {
    sourceKey: 'uid:a-1', title: 'Call Ben', description: 'First, the\nsecond', madeAt: '2026-11-01T08:00:00.000Z', dueTime: undefined,
    promisee: { name: 'Ben B', email: 'ben@acme.test' }, tags: ['work', 'home'], state: 'FULFILLED', archived: true, settledAt: '2026-11-02T08:00:00.000Z', reminders: [], warnings: [],
  });
});

test('alarms and a recurrence become reminders', () => {
  const promise = only(todo('DUE;TZID=Europe/Berlin:20261130T090000', 'RRULE:FREQ=WEEKLY;BYDAY=MO', 'BEGIN:VALARM', 'ACTION:EMAIL', 'TRIGGER;RELATED=END:-PT15M', 'END:VALARM', 'BEGIN:VALARM', 'ACTION:DISPLAY', 'TRIGGER;VALUE=DATE-TIME:20261129T100000Z', 'END:VALARM'));
  assert.deepEqual(promise.reminders.map(({ time, recurrence, timeZone, method }) => [time.toISOString(), recurrence, timeZone, method]), [
    ['2026-11-30T08:00:00.000Z', 'FREQ=WEEKLY;BYDAY=MO', 'Europe/Berlin', 'APP'],
    ['2026-11-30T07:45:00.000Z', '', 'UTC', 'EMAIL'],
    ['2026-11-29T10:00:00.000Z', '', 'UTC', 'APP'],
  ]);
});

test('a day that recurs is reminded of at nine', () => {
  const [reminder] = only(todo('DUE;VALUE=DATE:20261201', 'RRULE:FREQ=WEEKLY')).reminders;
  assert.deepEqual([reminder?.time.toISOString(), reminder?.timeZone], ['2026-12-01T08:00:00.000Z', 'Europe/Berlin']);
});

test('alarms that go off at a place, or not at all, are left out', () => {
  const promise = only(todo('BEGIN:VALARM', 'ACTION:NONE', 'TRIGGER;VALUE=DATE-TIME:19760401T005545Z', 'END:VALARM', 'BEGIN:VALARM', 'ACTION:DISPLAY', 'X-APPLE-PROXIMITY:ARRIVE', 'TRIGGER;VALUE=DATE-TIME:19760401T005545Z', 'END:VALARM'));
  assert.deepEqual([promise.reminders, promise.warnings], [[], ['an alarm was left out: it goes off at a place, not at a time']]);
});

test('the line of the property that can\'t be read is named', () => {
  const lineOf = (...lines: string[]) => read(todo('UID:1', ...lines)).map((entry) => entry.line).join();
  assert.equal(lineOf('DESCRIPTION:long', ' and folded', 'DUE;TZID=Europe/Berlin:tomorrow'), '7');
  assert.equal(lineOf('DUE:20261130T090000Z', 'RRULE:FREQ=FORTNIGHTLY'), '6');
});

test('folded lines, a byte order mark and every kind of line end are read', () => {
  for (const end of ['\r\n', '\n', '\r']) {
    assert.equal(only(['\ufeffBEGIN:VCALENDAR', 'begin:vtodo', 'SUMMARY:Call', '  Ben', '\t and Eve', 'END:VTODO', ''].join(end)).title, 'Call Ben and Eve');
  }
});

test('a broken to-do is refused with its line, and its neighbours are read', () => {
  const file = ['BEGIN:VCALENDAR', 'BEGIN:VTODO', 'SUMMARY:one', 'END:VTODO', 'BEGIN:VTODO', 'SUMMARY:two', 'nonsense', 'END:VTODO', 'BEGIN:VTODO', 'SUMMARY:three', 'DUE:20261345T990000Z', 'END:VTODO', 'BEGIN:VTODO', 'SUMMARY:cut off', 'BEGIN:VTODO', 'SUMMARY:five', 'END:VTODO', 'BEGIN:VTODO', 'DUE:20261130T090000Z', 'END:VTODO', 'BEGIN:VTODO', 'SUMMARY:six', 'RRULE:FREQ=SECONDLY', 'DUE:20261130T090000Z', 'END:VTODO', 'END:VCALENDAR'].join('\n');
  const entries = read(file).map((entry) => ('promise' in entry ? entry.promise.title : `${entry.line}: ${entry.refused}`));
  const expected = [/^one$/, /^7: the line "nonsense" has no colon$/, /^11: its DUE is no time that exists; write it such as 20261231T170000Z$/, /^13: END:VTODO is missing$/, /^five$/, /^18: it has no SUMMARY$/, /^21: a reminder may recur once a minute at most$/];
  assert.equal(entries.length, expected.length);
  expected.forEach((pattern, index) => assert.match(entries[index]!, pattern));
});

test('a huge, deep or endless to-do is refused and costs little', () => {
  const started = performance.now();
  assert.match(JSON.stringify(read(todo(`DESCRIPTION:${'x'.repeat(5_000_000)}`))), /longer than 256 KiB/);
  assert.match(JSON.stringify(read(todo(Array<string>(100_000).fill('BEGIN:VALARM').join('\r\n')))), /nested too deeply/);
  assert.match(JSON.stringify(read(todo(Array<string>(400_000).fill(' x').join('\r\n')))), /longer than 256 KiB/);
  assert.match(JSON.stringify(read(todo('RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30', 'DUE:20261130T090000Z'))), /never comes true/);
  assert.ok(performance.now() - started < 3000);
});
