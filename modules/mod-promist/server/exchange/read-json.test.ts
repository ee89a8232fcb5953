import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatOf, readFile } from './read-file.ts';

const options = { now: new Date(), timeZone: 'UTC' };
const read = (text: string) => [...readFile(text, 'JSON', options)].map((entry) => ('promise' in entry ? `${entry.line} ${entry.promise.title}` : `${entry.line}: ${entry.refused}`));

test('a promise that can\'t be read is refused with its line, and the rest is read', () => {
  assert.deepEqual(read('{\n "version": {"promises": 3},\n "promises": [\n {"title": "one"},\n {"title": 2},\n {"title": "three",},\n\n {"title": "four",\n  "dueTime": "tomorrow"},\n {"title": " "},\n 5,\n {"title": "six", "unknown": [[]]}\n ]}').map((text) => text.replace(/(is not JSON).*/, '$1')), [
    '4 one',
    '5: title must be a text',
    '6: it is not JSON',
    '9: dueTime must be a time such as 2026-11-30T17:00:00Z',
    '10: it has no title',
    '11: the promise must be an object in braces',
    '12 six',
  ]);
});

test('fields that mean nothing are named, and those of the API are passed over', () => {
  const warnings = (text: string) => [...readFile(text, 'JSON', options)].flatMap((entry) => ('promise' in entry ? entry.warnings : [entry.refused]));
  assert.deepEqual(warnings('[{"titel": "one"}]'), ['title is missing, and the field "titel" is unknown']);
  assert.deepEqual(warnings('[{"title": "one", "due": "x", "promisee": {"nam": "Zoe"}, "reminders": [{"time": "2030-01-01T00:00:00Z", "recurence": "x"}]}]'), ['due', 'promisee.nam', 'reminders.0.recurence'].map((field) => `the field "${field}" is unknown and was left out`));
  assert.deepEqual(warnings('[{"title": "one", "etag": "2", "shares": [], "permission": "OWN", "deleteTime": "2030-01-01T00:00:00Z", "reminders": [{"id": "1", "time": "2030-01-01T00:00:00Z", "nextTime": "2030-01-01T00:00:00Z"}]}]'), []);
});

test('a fault is told with its line inside of a promise, and in words for people', () => {
  assert.deepEqual(read('[{\n"title": "one",\n"tags": "home"},\n{"title": "two",\n"state": "DONE"},\n{"title": "three"\n"due": 5}]'), ['3: tags must be a list', '5: state must be one of PENDING, FULFILLED, FAILED', '7: it is not JSON: Expected \',\' or \'}\' after property value']);
});

test('what cannot be stored is refused with its reason', () => {
  assert.deepEqual(read('[{"title": "a\\u0000"},\n{"title": "a\\ud800"},\n{"title": "a", "dueTime": "0001-01-01T00:00:00Z"},\n{"title": "a", "reminders": [{"time": "1700-01-01T00:00:00Z"}]},\n{"title": "a", "id": "\\u0000"}]'), [
    '1: it holds a character that cannot be stored',
    '2: it holds a character that cannot be stored',
    '3: a time is not between the years 1900 and 9999',
    '4: a time is not between the years 1900 and 9999',
    '5: it holds a character that cannot be stored',
  ]);
});

test('a list alone is read too', () => assert.deepEqual(read('\ufeff[{"title": "one"}]'), ['1 one']));

test('a file that ends too early gives what stands before', () => {
  assert.deepEqual(read('{"promises": [{"title": "one"},\n{"title": "tw'), ['1 one', '2: the promise does not end']);
  assert.deepEqual(read('{"promises": [{"title": "one"}'), ['1 one', '1: the list of promises does not end']);
});

test('something else is refused as a whole', () => {
  for (const text of ['', '5', '{}', '{"promises": 5}', '{"promise": []}']) assert.match(read(text).join(), /^1: the file must hold/, text);
});

test('nesting a million deep is refused and costs little', () => {
  const started = performance.now();
  assert.equal(read(`{"promises": [${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}, {"title": "after"}]}`).length, 2);
  assert.match(read('['.repeat(1_000_000)).join(), /does not end/);
  assert.deepEqual(read(`[{"title": ${'['.repeat(200_000)}${']'.repeat(200_000)}}]`), ['1: the promise is longer than 256 KiB']);
  assert.ok(performance.now() - started < 3000);
});

test('the format is told from the content', () => {
  assert.equal(formatOf('\ufeff {"promises": []}'), 'JSON');
  assert.equal(formatOf('BEGIN:VCALENDAR\r\n'), 'ICS');
  assert.equal(formatOf('TYPE,CONTENT,PRIORITY\n'), 'CSV');
  assert.equal(formatOf('\x89PNG'), undefined);
});
