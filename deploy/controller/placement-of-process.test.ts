import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { writePlacement } from './chosen-placement.ts';
import { placementOfProcess } from './placement-of-process.ts';
import { stateFolder } from './state-folder.ts';

function house(t: TestContext) {
  const home = mkdtempSync(join(tmpdir(), 'mainstay-alone-'));
  const before = process.env.MAINSTAY_HOME;
  process.env.MAINSTAY_HOME = home;
  t.after(() => {
    if (before === undefined) delete process.env.MAINSTAY_HOME;
    else process.env.MAINSTAY_HOME = before;
    rmSync(home, { recursive: true });
  });
  const folder = stateFolder('house');
  mkdirSync(folder.directory);
  const file = join(home, 'house.yaml');
  writeFileSync(file, 'name: house\nmodules:\n  sys-core:\n  sys-gateway:\n  mod-promist:\n');
  return { folder, find: (name: string) => placementOfProcess(name, file) };
}

test('a process is started alone in the placement of the last start', async (t) => {
  const { folder, find } = house(t);
  writePlacement(folder, { placement: 'sharded', homes: {} });
  assert.equal(await find('mod-promist-2'), 'sharded');
  assert.equal(await find('main'), 'sharded');
});

test('where no start is known, the placements with such a process are told', async (t) => {
  const { find } = house(t);
  await assert.rejects(find('main'), { name: 'OperatorError', message: 'house was never started from here, so that its placement is not known; name it with --placement: one-process, sharded have such a process' });
  await assert.rejects(find('mod-promist'), /--placement: per-module has such a process$/);
  await assert.rejects(find('mod-cats'), /: none of one-process, per-module, .* has such a process$/);
});

test('a process that the placement of the last start does not have is told with those that it has', async (t) => {
  const { folder, find } = house(t);
  writePlacement(folder, { placement: 'sys-and-mod', homes: {} });
  await assert.rejects(find('mod-promist-0'), { message: 'the placement of its last start, sys-and-mod, has no process "mod-promist-0"; there are sys-main, mod-main; name it with --placement: sharded has such a process' });
});

test('while rows are on their way to another placement, nothing is started', async (t) => {
  const { folder, find } = house(t);
  writePlacement(folder, { placement: 'sharded', homes: {}, placing: { stage: 'copying', placement: 'per-module', homes: {} } });
  await assert.rejects(find('main'), /house is on its way to the placement per-module/);
});
