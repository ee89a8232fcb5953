import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Entry, ExchangedPromise } from './exchanged-promise.ts';
import { contentHash, limitProblem } from './exchanged-promise.ts';
import { readFile } from './read-file.ts';
import { writeIcs } from './write-ics.ts';
import { writeJson } from './write-json.ts';
import { writeTodoistCsv } from './write-todoist-csv.ts';

const options = { now: new Date('2026-11-21T10:00:00Z'), timeZone: 'Europe/Berlin' };
const joined = async (chunks: AsyncIterable<string>) => (await Array.fromAsync(chunks)).join('');
async function* each<T>(items: T[]) { yield* items; }

function promisesOf(entries: Iterable<Entry>): ExchangedPromise[] {
  return [...entries].map((entry) => ('promise' in entry ? entry.promise : assert.fail(`line ${entry.line}: ${entry.refused}`)));
}

const line = (most: number) => fc.string({ unit: 'binary', maxLength: most }).map((text) => text.replace(/[\p{C}\p{Z}\s]+/gu, ' ').trim());
const moment = (step: number) => fc.integer({ min: 0, max: Math.floor((Date.UTC(10_000, 0) - 1) / step) }).map((n) => new Date(n * step));
const reminders = (step: number) => fc.array(fc.record({
  time: moment(step),
  recurrence: fc.constantFrom('', 'FREQ=DAILY', 'FREQ=WEEKLY;BYDAY=MO,FR;COUNT=5'),
  timeZone: fc.constantFrom('UTC', 'Asia/Karachi', 'America/New_York'),
  method: fc.constantFrom('APP' as const, 'EMAIL' as const, 'SMS' as const),
}, { noNullPrototype: true }), { maxLength: 3 });

/** Promises as an account may hold them, with times of the precision that the format has. */
const promises = (step: number) => fc.uniqueArray(fc.record({
  sourceKey: fc.uuid().map((id) => `uid:${id}`),
  title: line(80).map((text) => text || 'x'),
  description: fc.string({ unit: 'binary', maxLength: 300 }).map((text) => text.replace(/\p{C}/gu, '\n')),
  madeAt: moment(step),
  dueTime: fc.option(moment(step), { nil: undefined }),
  promisee: fc.option(fc.record({ name: line(30).map((name) => name || 'Ben'), email: fc.constantFrom('ben@acme.test', undefined) }, { noNullPrototype: true }).map(({ name, email }) => ({ name, ...(email && { email }) })), { nil: undefined }),
  tags: fc.uniqueArray(line(20).filter(Boolean), { maxLength: 4 }),
  reminders: reminders(step),
  settled: moment(step),
  state: fc.constantFrom('PENDING' as const, 'FULFILLED' as const, 'FAILED' as const),
  away: fc.boolean(),
}, { noNullPrototype: true }), { selector: (promise) => promise.sourceKey, maxLength: 8 }).map((list) => list.map(({ settled, away, ...promise }): ExchangedPromise => ({
  ...promise,
  archived: away || promise.state === 'FULFILLED',
  settledAt: promise.state === 'PENDING' ? undefined : settled,
})));

test('what is exported as JSON is imported without any loss', async () => {
  await fc.assert(fc.asyncProperty(promises(1), async (list) => {
    assert.deepEqual(promisesOf(readFile(await joined(writeJson(each(list))), 'JSON', options)), list);
  }), { numRuns: 100 });
});

test('what is exported as iCalendar is imported without loss, to the second', async () => {
  await fc.assert(fc.asyncProperty(promises(1000), async (list) => {
    assert.deepEqual(promisesOf(readFile(await joined(writeIcs(each(list), options.now)), 'ICS', options)), list);
  }), { numRuns: 100 });
});

test('what is exported as CSV keeps title, description and due minute of what is pending', async () => {
  await fc.assert(fc.asyncProperty(promises(60_000), async (list) => {
    const pending = list.filter((promise) => promise.state === 'PENDING' && !promise.title.includes('@'));
    const read = promisesOf(readFile(await joined(writeTodoistCsv(each(pending), 'Asia/Karachi')), 'CSV', options));
    const shape = ({ title, description, dueTime }: ExchangedPromise) => ({ title: title.replace(/\s+/g, ' '), description, dueTime });
    assert.deepEqual(read.map(shape), pending.map(shape));
  }), { numRuns: 100 });
});

test('the last moment of the year 9999 goes out and comes back in every format', async () => {
  const last = Date.UTC(10_000, 0) - 60_000;
  const promise: ExchangedPromise = { sourceKey: 'uid:a', title: 'last', description: '', dueTime: new Date(last), madeAt: new Date(last), tags: [], state: 'PENDING', archived: false, reminders: [] };
  assert.equal(limitProblem(promise), undefined);
  const files = [['JSON', writeJson(each([promise]))], ['ICS', writeIcs(each([promise]), options.now)], ['CSV', writeTodoistCsv(each([promise]), 'Asia/Karachi')]] as const;
  for (const [format, file] of files) assert.equal(promisesOf(readFile(await joined(file), format, options))[0]?.dueTime?.getTime(), last, format);
  for (const time of [Date.UTC(10_000, 0), Date.UTC(1900, 0) - 1]) assert.equal(limitProblem({ ...promise, dueTime: new Date(time) }), 'a time is not between the years 1900 and 9999');
});

test('the content hash changes with the content and not with its order', () => {
  const [promise] = promisesOf(readFile('{"promises":[{"title":"a","tags":["x","y"]}]}', 'JSON', options)) as [ExchangedPromise];
  assert.equal(contentHash(promise), contentHash({ ...promise, tags: ['y', 'x'], sourceKey: 'other' }));
  for (const change of [{ title: 'b' }, { state: 'FAILED' as const }, { dueTime: new Date() }, { tags: ['x'] }, { promisee: { name: 'Ben' } }]) {
    assert.notEqual(contentHash(promise), contentHash({ ...promise, ...change }), JSON.stringify(change));
  }
});

test('no file breaks a reader', () => {
  const pieces = fc.array(fc.constantFrom('BEGIN:VTODO\n', 'END:VTODO\n', 'SUMMARY:a\n', 'DUE:x\n', 'BEGIN:VALARM\n', '{"promises":[', '{"title":"a"}', ',', ']', '}', '{', '"', 'TYPE,CONTENT\n', 'task,a\n', '"task', '\r', ' ', '\u0000', '\ufeff'), { maxLength: 30 }).map((list) => list.join(''));
  fc.assert(fc.property(fc.oneof(pieces, fc.string({ unit: 'binary' })), fc.constantFrom('JSON' as const, 'ICS' as const, 'CSV' as const), (text, format) => {
    for (const entry of readFile(text, format, options)) assert.ok(entry.line >= 1 && entry.line <= text.split(/\r\n|\r|\n/).length);
  }), { numRuns: 2000 });
});
