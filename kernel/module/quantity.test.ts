import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quantity } from './quantity.ts';

test('one of a thing is said without an s, and none with it', () => {
  assert.deepEqual([0, 1, 2].map((count) => quantity(count, 'org')), ['0 orgs', '1 org', '2 orgs']);
  assert.deepEqual([1n, 12n].map((count) => quantity(count, 'entry', 'entries')), ['1 entry', '12 entries']);
});
