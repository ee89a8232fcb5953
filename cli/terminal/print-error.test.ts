import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { defineErrors, withViolations } from '@mainstay/kernel';
import { printError } from './print-error.ts';

const errors = defineErrors('mod-x', {
  WRONG: ['InvalidArgument', 'the request is not valid: {problem}'],
  REFUSED: ['PermissionDenied', 'not allowed'],
});

async function printed(t: TestContext, error: Error): Promise<string> {
  const lines: string[] = [];
  const { mock } = t.mock.method(process.stderr, 'write', (text: string) => lines.push(text) > 0);
  await printError(error).finally(() => mock.restore());
  return stripVTControlCharacters(lines.join(''));
}

test('what is wrong with a field is said once', async (t) => {
  const wrong = withViolations(errors.WRONG({ problem: 'title: is empty' }), [
    { field: 'title', description: 'is empty', reason: 'title' },
    { field: 'due_time', description: 'is in the past', reason: 'due_time' },
  ]);
  assert.equal(await printed(t, wrong), 'mainstay: the request is not valid: title: is empty (mod-x.WRONG)\n  due_time: is in the past\n');
});

test('who may not do something is told how to act as somebody else', async (t) => {
  assert.equal(await printed(t, errors.REFUSED()), 'mainstay: not allowed (mod-x.REFUSED)\n  act as somebody else with --as EMAIL\n');
});
