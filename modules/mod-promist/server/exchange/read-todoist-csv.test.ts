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
