import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { formatLogLine } from './format-log-line.ts';
import { lineReader, rotateLog, warnInLog } from './log-file.ts';

function logFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-log-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'log');
}

test('a line is given once it is whole, letters of several bytes included', (t) => {
  const file = logFile(t);
  const read = lineReader(file, 0);
  assert.deepEqual(read(), []);
  const bytes = Buffer.from('eins\nzwö\n');
  writeFileSync(file, bytes.subarray(0, 8));
  assert.deepEqual(read(), ['eins']);
  appendFileSync(file, bytes.subarray(8));
  assert.deepEqual(read(), ['zwö']);
});

test('a log that was moved aside is read from its start', (t) => {
  const file = logFile(t);
  writeFileSync(file, 'old old old\n');
  const read = lineReader(file, 0);
  read();
  truncateSync(file);
  writeFileSync(file, 'new\n');
  assert.deepEqual(read(), ['new']);
});

test('a warning has a line of its own, also behind one that a full disk cut', (t) => {
  const file = logFile(t);
  const read = lineReader(file, 0);
  warnInLog(file, 'first');
  appendFileSync(file, '{"level":"info","msg":"cu');
  warnInLog(file, 'second');
  warnInLog(file, 'third');
  const lines = read();
  assert.deepEqual([0, 2, 3].map((line) => (JSON.parse(lines[line]!) as { msg: string }).msg), ['first', 'second', 'third']);
  assert.equal(lines.length, 4);
});

test('only a log of more than 10 MiB is moved aside', (t) => {
  const file = logFile(t);
  writeFileSync(file, 'small\n');
  rotateLog(file);
  assert.ok(existsSync(file));
  truncateSync(file, 11 * 1024 * 1024);
  rotateLog(file);
  assert.ok(!existsSync(file) && existsSync(`${file}.1`));
});

test('a line of the log is written for a person', () => {
  const line = JSON.stringify({ level: 'warn', time: '2026-01-02T03:04:05.000Z', module: 'mod-a', msg: 'slow', ms: 12, err: { message: 'no', stack: 'Error: no\n    at x' } });
  assert.match(formatLogLine(line)!, /^\d\d:\d\d:\d\d warn  slow module=mod-a ms=12\n {2}Error: no\n {6}at x$/);
  assert.equal(formatLogLine('{"level":"info","msg":"x"}', { least: 'warn' }), undefined);
  assert.equal(formatLogLine('node: out of memory'), 'node: out of memory');
  assert.equal(formatLogLine('node: out of memory', { least: 'warn' }), undefined);
});
