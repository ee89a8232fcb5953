import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTable } from './print-table.ts';

test('columns are as wide as their widest cell', () => {
  assert.deepEqual(formatTable([{ id: '1', title: 'call' }, { id: '1000', title: '' }]), ['ID    TITLE', '1     call', '1000']);
});

test('no rows make no table', () => {
  assert.deepEqual(formatTable([]), []);
});
