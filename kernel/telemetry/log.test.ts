import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { createLog } from './log.ts';

test('a log on a full disk ends nothing, however much is written', { skip: existsSync('/dev/full') ? false : 'there is no /dev/full here' }, async () => {
  const log = createLog({ level: 'info', destination: '/dev/full' });
  for (let line = 0; line < 500; line++) log.info({ text: 'word '.repeat(200) }, 'written in vain');
  const before = process.memoryUsage().rss;
  for (let line = 0; line < 5000; line++) log.info({ text: 'word '.repeat(200) }, 'written in vain');
  assert.ok(process.memoryUsage().rss - before < 60_000_000, 'what can not be written is not kept');
});
