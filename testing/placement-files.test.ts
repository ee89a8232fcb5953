import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { placementJsonSchema, readPlacement } from '@mainstay/kernel/placement';
import { modules } from '@mainstay/main/modules';

const deploy = join(import.meta.dirname, '../deploy');
const door = { ...modules[0]!, name: 'sys-door' as const, gateway: () => ({}) as never };
const withDoor = [...modules, door];

const placed = (name: string) => readPlacement(name, withDoor).instances.map(({ name, modules, database }) => `${name}: ${modules.filter((module) => module === 'mod-promist' || module === 'sys-core').join(' ')} @${database}`);

test('the published schema of placement files is fresh', () => {
  const published = JSON.parse(readFileSync(join(deploy, 'placement.schema.json'), 'utf8')) as unknown;
  assert.deepEqual(published, JSON.parse(JSON.stringify(placementJsonSchema())), 'run: ./mainstay publish');
});

test('the placements of this repository place the modules of this build', () => {
  assert.deepEqual(placed('one-process'), ['main: sys-core mod-promist @']);
  assert.deepEqual(placed('sys-and-mod'), ['sys-main: sys-core @', 'mod-main: mod-promist @mod_main']);
  assert.deepEqual(placed('sharded'), ['main: sys-core @', ...[0, 1, 2, 3].map((shard) => `mod-promist-${shard}: mod-promist @mod_promist_${shard}`)]);
  assert.deepEqual(placed('replicas'), ['sys-main-0: sys-core @', 'sys-main-1: sys-core @', 'mod-main-0: mod-promist @', 'mod-main-1: mod-promist @']);
  assert.deepEqual(readPlacement('per-module', withDoor).instances.map(({ name, modules }) => [name, ...modules]), withDoor.map(({ name }) => [name, name]));
});

test('a placement that names a module of the build serves a deployment without it', () => {
  const few = withDoor.filter(({ name }) => name !== 'mod-promist');
  assert.deepEqual(readPlacement('sharded', few, withDoor).instances.map(({ name }) => name), ['main']);
});
