import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { choosePlacement, keepPlacement, keptPlacement } from './chosen-placement.ts';
import type { StateFolder } from './state-folder.ts';

function house(t: TestContext, { ran = false } = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'mainstay-chosen-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const folder = { name: 'house', directory, postgres: join(directory, 'postgres'), secrets: join(directory, 'secrets'), placement: join(directory, 'placement.json') } as StateFolder;
  if (ran) {
    mkdirSync(join(folder.postgres, 'data'), { recursive: true });
    writeFileSync(folder.secrets, '');
  }
  const file = join(directory, 'house.yaml');
  writeFileSync(file, 'name: house\nmodules:\n  sys-core:\n  mod-promist:\n  mod-cats:\n');
  const placementFile = (name: string, text: string) => {
    const path = join(directory, `${name}.yaml`);
    writeFileSync(path, text);
    return path;
  };
  const choose = (wanted?: string) => choosePlacement(folder, file, wanted);
  const start = async (wanted?: string) => {
    const chosen = await choose(wanted);
    keepPlacement(folder, chosen);
    return chosen;
  };
  return { folder, file, choose, start, placementFile };
}

test('everything runs in one process where nothing else was ever said', async (t) => {
  const { choose } = house(t);
  const { placement, instances } = await choose();
  assert.deepEqual([placement, instances.map(({ name }) => name)], ['one-process', ['main']]);
});

test('the placement of the last start is taken where none is named', async (t) => {
  const { start, choose, folder } = house(t);
  await start('sys-and-mod');
  assert.deepEqual((await choose()).instances.map(({ name, modules }) => [name, ...modules]), [['sys-main', 'sys-core'], ['mod-main', 'mod-promist', 'mod-cats']]);
  assert.deepEqual(keptPlacement(folder), { placement: 'sys-and-mod', homes: { 'sys-core': [''], 'mod-promist': ['mod_main'], 'mod-cats': ['mod_main'] }, databases: ['mod_main'] });
});

test('a placement that keeps each row where it is may take the place of another', async (t) => {
  const { start, choose } = house(t, { ran: true });
  await start('replicas');
  await start('one-process');
  assert.equal((await choose('replicas')).instances.length, 4);
});

test('a placement that looks for rows elsewhere is refused with where they are and what to do', async (t) => {
  const { start, choose, file } = house(t);
  await start('sys-and-mod');
  await assert.rejects(choose('sharded'), { name: 'OperatorError', message: [
    'the rows of mod-promist are in house_mod_main, and the placement sharded looks for them in house_mod_promist_0 to house_mod_promist_3',
    'the rows of mod-cats are in house_mod_main, and the placement sharded looks for them in house',
    `start house as it was with --placement sys-and-mod, or move its rows first with ./mainstay place sharded --deployment ${file}`,
  ].join('\n') });
  await assert.rejects(choose('one-process'), /the rows of mod-promist are in house_mod_main, and the placement one-process looks for them in house/);
});

test('a deployment from before it had a placement has its rows in its own database', async (t) => {
  const { choose } = house(t, { ran: true });
  await assert.rejects(choose('sys-and-mod'), /the rows of mod-promist are in house, and the placement sys-and-mod looks for them in house_mod_main/);
});

test('shards may be added, and not taken away', async (t) => {
  const { start, choose, placementFile } = house(t);
  const shards = (count: number) => placementFile(`in-${count}`, `processes:\n  main: {modules: ["*"]}\n  cats: {modules: [mod-cats], database: cats, shards: ${count}}\n`);
  await start(shards(2));
  assert.equal((await start(shards(3))).instances.length, 4);
  await assert.rejects(choose(shards(2)), /the rows of mod-cats are in house_cats_0 and house_cats_1 and house_cats_2, and the placement .*in-2\.yaml looks for them in house_cats_0 and house_cats_1/);
});

test('the rows of a module that was switched off meanwhile are not forgotten', async (t) => {
  const { file, start, choose } = house(t);
  await start('sys-and-mod');
  writeFileSync(file, 'name: house\nmodules:\n  sys-core:\n');
  await start('one-process');
  writeFileSync(file, 'name: house\nmodules:\n  sys-core:\n  mod-cats:\n');
  await assert.rejects(choose(), /the rows of mod-cats are in house_mod_main/);
});

test('a placement that can not be read is told as it is', async (t) => {
  const { choose, placementFile } = house(t);
  await assert.rejects(choose('shared'), { name: 'OperatorError', message: /there is no placement "shared"/ });
  await assert.rejects(choose(placementFile('wrong', 'processes:\n  a: {module: [mod-cats]}\n')), /wrong\.yaml:2: processes\.a\.module: unknown key/);
});
