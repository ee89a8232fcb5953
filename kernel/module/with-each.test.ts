import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandTools } from './define-module.ts';
import { withEach } from './with-each.ts';

const told = { result: 'removed', line: (id: string) => `removed ${id}`, done: 'removed' };

async function tried(json: boolean, ids: string[]) {
  const lines: string[] = [];
  const cli = { json, print: (line: string) => void lines.push(line) } as unknown as CommandTools;
  const work = async (id: string) => { if (id === 'b') throw new Error('no b'); };
  const failure = await withEach(cli, ids, work, told).then(() => undefined, (error: Error) => error.message);
  return { lines, failure };
}

test('one that fails keeps nobody from the others, and all is told', async () => {
  assert.deepEqual(await tried(false, ['a', 'b', 'c']), { lines: ['removed a', 'b not removed: no b', 'removed c'], failure: '1 of 3 were not removed' });
  const { lines, failure } = await tried(true, ['a', 'b', 'c']);
  assert.deepEqual(JSON.parse(lines.join('')), { removed: ['a', 'c'], problems: [{ id: 'b', reason: 'no b' }] });
  assert.equal(failure, '1 of 3 were not removed');
});

test('what fails alone fails for its own reason, and what succeeds is no failure', async () => {
  assert.deepEqual(await tried(false, ['b']), { lines: [], failure: 'no b' });
  assert.deepEqual(await tried(false, ['a', 'c']), { lines: ['removed a', 'removed c'], failure: undefined });
});
