import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatLogLine, isOfProcess } from './format-log-line.ts';

const line = (process?: string) => JSON.stringify({ level: 'warn', time: '2026-01-01T10:00:00.000Z', ...(process !== undefined && { process }), port: 4400, msg: 'it is late' });

test('a line begins with the process that wrote it, where there are several', () => {
  assert.match(formatLogLine(line('mod-main'))!, /^mod-main \d\d:\d\d:\d\d warn {2}it is late port=4400$/);
  assert.match(formatLogLine(line())!, /^\d\d:\d\d:\d\d warn {2}it is late port=4400$/);
});

test('the lines of a process are its own, those of its shards and those of their replicas', () => {
  for (const [wrote, wanted, expected] of [['mod-a', 'mod-a', true], ['mod-a-2', 'mod-a', true], ['mod-a-2-1', 'mod-a', true], ['mod-a-2-1', 'mod-a-2', true], ['mod-a-2', 'mod-a-1', false], ['mod-a-b', 'mod-a', false], ['mod-ab', 'mod-a', false], [undefined, 'mod-a', false]] as const) {
    assert.equal(isOfProcess(line(wrote), wanted), expected, `${wrote} for ${wanted}`);
  }
  assert.equal(isOfProcess('not JSON', 'mod-a'), false);
});
