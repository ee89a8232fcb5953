import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plannedForItsValues, statementName } from './statement-names.ts';

test('a text has a name from its second use on', () => {
  const text = `select '${crypto.randomUUID()}'`;
  assert.equal(statementName(text), undefined);
  assert.match(statementName(text)!, /^[\w-]{24}$/);
  assert.equal(statementName(text), statementName(text));
});

test('a text whose plan depends on its values never has one', () => {
  const text = `select from many where created_at < $1 ${plannedForItsValues}`;
  for (let use = 0; use < 10; use++) assert.equal(statementName(text), undefined);
});
