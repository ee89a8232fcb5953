import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { modules } from '@mainstay/main/modules';
import { accessTable } from './access-table.ts';

test('the published table of who may call what is fresh', () => {
  const published = readFileSync(new URL('../docs/access.md', import.meta.url), 'utf8');
  assert.equal(published, accessTable(modules), 'run: ./mainstay publish');
});
