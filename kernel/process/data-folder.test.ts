import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { StartError } from '../module/start-error.ts';
import { requireDataFolder } from './data-folder.ts';

test('the data folder is made for this user alone, and may be there already', (t) => {
  const home = mkdtempSync(join(tmpdir(), 'mainstay-data-folder-'));
  t.after(() => rmSync(home, { recursive: true }));
  const folder = join(home, 'deep', 'data');
  assert.equal(requireDataFolder(folder), folder);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(requireDataFolder(folder), folder);
});

test('a data folder that is missing, relative or impossible is told with what to do', (t) => {
  const home = mkdtempSync(join(tmpdir(), 'mainstay-data-folder-'));
  t.after(() => rmSync(home, { recursive: true }));
  writeFileSync(join(home, 'file'), '');
  assert.throws(() => requireDataFolder(undefined), (error) => error instanceof StartError && /MAINSTAY_DATA_FOLDER to an absolute path/.test(error.message));
  assert.throws(() => requireDataFolder('data'), /it must be an absolute path/);
  assert.throws(() => requireDataFolder(join(home, 'file', 'data')), (error) => error instanceof StartError && /cannot be made/.test(error.message));
});
