import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readFile } from './read-file.ts';

const options = { now: new Date('2026-11-21T10:00:00Z'), timeZone: 'Europe/Berlin' };
const heading = 'TYPE,CONTENT,DESCRIPTION,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE,DURATION,DURATION_UNIT';
const read = (...rows: string[]) => [...readFile([heading, ...rows].join('\r\n'), 'CSV', options)];

test('tasks, labels, sections and notes become promises with tags and descriptions', () => {
  const entries = read(
    'meta,view_style=list,,,,,,,,,,',
    ',,,,,,,,,,,',
    'task,Call Ben @phone @Büro,about the,4,1,Ada (1),,Nov 30 2026 17:00,en,Asia/Karachi,,',
    'note,the contract,,,,Ada (1),,,,,,',
    'section,Home,,,,,,,,,,',
    'task,"Water ""the"" plants, daily",,1,1,,,every day,en,,,',
  );
  assert.deepEqual(entries.map((entry) => 'promise' in entry && [entry.line, entry.promise.title, entry.promise.description, entry.promise.tags, entry.promise.dueTime?.toISOString(), entry.promise.reminders.map((reminder) => reminder.recurrence), entry.warnings]), [
    [4, 'Call Ben', 'about the\n\nthe contract', ['phone', 'Büro'], '2026-11-30T12:00:00.000Z', [], []],
    [7, 'Water "the" plants, daily', '', ['Home'], '2026-11-21T22:59:00.000Z', ['FREQ=DAILY'], []],
  ]);
});

test('a date that is not understood is reported, and the task comes without it', () => {
  const [entry] = read('task,Pay,,4,1,,,när som helst,sv,,,');
  assert.ok(entry && 'promise' in entry);
  assert.equal(entry.promise.dueTime, undefined);
  assert.match(entry.warnings.join(), /"när som helst" is not understood/);
});

test('rows that can\'t be read are refused with their lines, and the rest is read', () => {
  const entries = read('task,one', 'task,,', 'banana,two', 'task,"three\r\nlines\r\nlong",,,', 'task,fo"ur', 'task,five');
  assert.deepEqual(entries.map((entry) => ('promise' in entry ? `${entry.line} ${entry.promise.title}` : `${entry.line}: ${entry.refused}`)), [
    '2 one', '3: the task has no CONTENT', '4: a row of the type "banana" is not known', '5 three lines long', '8: a quotation mark stands in the middle of a value', '9 five',
  ]);
});

test('a file without the columns of Todoist is refused as a whole', () => {
  assert.deepEqual([...readFile('a,b\n1,2', 'CSV', options)], [{ line: 1, refused: 'the first line must name the columns, TYPE and CONTENT among them' }]);
});

test('two tasks of the same title keep their own names in every import', () => {
  const keys = read('task,Call', 'task,Call', 'task,Other').map((entry) => 'promise' in entry && entry.promise.sourceKey);
  assert.equal(new Set(keys).size, 3);
  assert.deepEqual(read('task,Call', 'task,Call', 'task,Other').map((entry) => 'promise' in entry && entry.promise.sourceKey), keys);
});

test('a quotation mark that is not closed costs the rows up to the next one, and all of them are named', () => {
  const entries = read('task,one', '', 'task,"two', 'task,three', 'task,"four"', 'task,fi"ve" and "six"', 'task,seven', 'task,"eight', 'task,nine');
  assert.deepEqual(entries.map((entry) => ('promise' in entry ? `${entry.line} ${entry.promise.title}` : `${entry.line}: ${entry.refused}`)), [
    '2 one', '4: a quotation mark is closed in the middle of a value: lines 4 to 6 were left out', '7: a quotation mark stands in the middle of a value', '8 seven', '9: a quotation mark is opened and never closed: lines 9 to 10 were left out',
  ]);
});

test('a task that recurs is due at its next time, and reminded of at nine where it names no time of day', () => {
  const entries = read('task,Rent,,4,1,,,every 1st,en,Europe/Berlin,,', 'task,Team,,4,1,,,every monday 2pm,en,Europe/Berlin,,', 'task,Tax,,4,1,,,"every jun 15, jan 15",en,Europe/Berlin,,');
  assert.deepEqual(entries.map((entry) => 'promise' in entry && [entry.promise.title, entry.promise.dueTime?.toISOString(), entry.promise.reminders.map(({ time, recurrence, timeZone }) => [time.toISOString(), recurrence, timeZone].join(' ')), entry.warnings]), [
    ['Rent', '2026-12-01T22:59:00.000Z', ['2026-12-01T08:00:00.000Z FREQ=MONTHLY;BYMONTHDAY=1 Europe/Berlin'], []],
    ['Team', '2026-11-23T13:00:00.000Z', ['2026-11-23T13:00:00.000Z FREQ=WEEKLY;BYDAY=MO Europe/Berlin'], []],
    ['Tax', '2027-01-15T22:59:00.000Z', [], ['the date "every jun 15, jan 15" is not understood: only its next time was taken']],
  ]);
});

test('the files of every generation of Todoist are read, and a deadline stands in for a date', () => {
  const old = [...readFile('TYPE,CONTENT,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,DATE_LANG,TIMEZONE\ntask,Call,4,1,Ada (1),,2026-11-30,en,Europe/Berlin', 'CSV', options)];
  const young = [...readFile(`${heading},DEADLINE,DEADLINE_LANG\ntask,Call,about it,4,1,Ada (1),,,en,Europe/Berlin,,,2026-11-30,en`, 'CSV', options)];
  for (const [entry] of [old, young]) assert.equal(entry && 'promise' in entry && entry.promise.dueTime?.toISOString(), '2026-11-30T22:59:00.000Z');
});
