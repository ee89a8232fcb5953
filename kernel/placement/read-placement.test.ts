import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { stringify } from 'yaml';
import type { Module } from '../module/define-module.ts';
import { StartError } from '../module/start-error.ts';
import { databaseNameOf, databaseVariable, inOneProcess, peerVariable } from './placement.ts';
import { outlinePlacement, readPlacement } from './read-placement.ts';

const folder = mkdtempSync(join(tmpdir(), 'mainstay-placement-'));
after(() => rmSync(folder, { recursive: true }));

const module = (name: string, more: object = {}) => ({ name, requires: {}, shardBy: 'org', ...more }) as unknown as Module;
const modules = [module('sys-core', { shardBy: undefined }), module('sys-door', { gateway: () => ({}), shardBy: undefined }), module('mod-lamps'), module('mod-lamps-old'), module('mod-cats')];

function read(text: string, enabled: readonly Module[] = modules, build: readonly Module[] = modules) {
  const file = join(folder, 'house.yaml');
  writeFileSync(file, text);
  return readPlacement(file, enabled, build);
}

function problems(text: string, enabled?: readonly Module[]): string[] {
  try {
    read(text, enabled);
  } catch (error) {
    assert.ok(error instanceof StartError, String(error));
    return error.problems.map((problem) => problem.replace(`${folder}/`, ''));
  }
  return assert.fail('the file was accepted');
}

const rest = '  rest: {modules: ["*"]}\n';

test('the most exact line takes a module, and "*" makes a process for each that remains', () => {
  const { name, instances } = read('processes:\n  platform:\n    modules: ["sys-*"]\n  light:\n    modules: ["mod-la*"]\n    database: light\n  old:\n    modules: [mod-lamps-old]\n  "*":\n    database: "*"\n');
  assert.equal(name, 'house');
  assert.deepEqual(instances, [
    { name: 'platform', process: 'platform', modules: ['sys-core', 'sys-door'], database: '' },
    { name: 'light', process: 'light', modules: ['mod-lamps'], database: 'light' },
    { name: 'old', process: 'old', modules: ['mod-lamps-old'], database: '' },
    { name: 'mod-cats', process: 'mod-cats', modules: ['mod-cats'], database: 'mod_cats' },
  ]);
});

test('shards have a database each, replicas share one', () => {
  const { instances } = read(`processes:\n${rest}  cats: {modules: [mod-cats], shards: 2, replicas: 2, database: the-cats}\n`);
  assert.deepEqual(instances.slice(1).map(({ name, database, shard, replica }) => [name, database, shard, replica]), [
    ['cats-0-0', 'the_cats_0', { index: 0, count: 2 }, { index: 0, count: 2 }],
    ['cats-0-1', 'the_cats_0', { index: 0, count: 2 }, { index: 1, count: 2 }],
    ['cats-1-0', 'the_cats_1', { index: 1, count: 2 }, { index: 0, count: 2 }],
    ['cats-1-1', 'the_cats_1', { index: 1, count: 2 }, { index: 1, count: 2 }],
  ]);
  assert.deepEqual(instances.map((instance) => databaseNameOf('demo', instance)), ['demo', 'demo_the_cats_0', 'demo_the_cats_0', 'demo_the_cats_1', 'demo_the_cats_1']);
});

test('the environment names peers and databases in capitals', () => {
  assert.equal(peerVariable('mod-promist-2'), 'MAINSTAY_PEER_MOD_PROMIST_2');
  assert.equal(databaseVariable('mod_promist_0'), 'DATABASE_URL_MOD_PROMIST_0');
});

test('a file for one process says the same as no file', () => {
  assert.deepEqual(read('processes:\n  main:\n    modules: ["*"]\n').instances, inOneProcess(modules.map(({ name }) => name)).instances);
});

test('a module that runs nowhere or twice is told by line', () => {
  assert.deepEqual(problems('processes:\n  a:\n    modules: ["sys-*", mod-lamps, mod-lamps-old]\n'), ['house.yaml:1: processes: no process runs mod-cats; name it in one, or add a line "*" for all that remain']);
  assert.deepEqual(problems(`processes:\n${rest}  a:\n    modules: [mod-cats]\n  b:\n    modules: [mod-cats]\n`), ['house.yaml:6: processes.b.modules: mod-cats is in a already; a module runs in one process']);
});

test('unknown modules, keys and names of processes are told by line', () => {
  assert.match(problems(`processes:\n${rest}  a:\n    modules: [mod-dogs]\n`)[0]!, /^house\.yaml:4: processes\.a\.modules: there is no module mod-dogs; there are sys-core, /);
  assert.match(problems(`processes:\n${rest}  a:\n    moduls: [mod-cats]\n`)[0]!, /^house\.yaml:4: processes\.a\.moduls: unknown key; allowed here: modules, database, shards, replicas$/);
  assert.match(problems(`processes:\n${rest}  A b:\n    modules: [mod-cats]\n`)[0]!, /^house\.yaml:3: processes\.A b: the name of a process must be "\*", or start with a letter/);
  assert.match(problems('processes:\n  a:\n')[0]!, /^house\.yaml:2: processes\.a: it names no modules; add modules/);
  assert.match(problems('processes:\n  "*":\n    modules: [mod-cats]\n')[0]!, /^house\.yaml:3: processes\.\*\.modules: the line "\*" takes each module that no other does/);
  assert.match(problems(`processes:\n  rest: {modules: ["*"], database: "*"}\n`)[0]!, /^house\.yaml:2: processes\.rest\.database: "\*" is for the line "\*" alone/);
  assert.match(problems('{}')[0]!, /^house\.yaml:1: processes: /);
});

test('what can not be divided into shards is refused', () => {
  assert.match(problems('processes:\n  "*":\n  a:\n    modules: [sys-core, mod-cats]\n    database: a\n    shards: 2\n')[0]!, /^house\.yaml:6: processes\.a\.shards: sys-core can not be divided into shards/);
  assert.match(problems(`processes:\n${rest}  a:\n    modules: [mod-cats]\n    shards: 2\n`)[0]!, /^house\.yaml:5: processes\.a\.shards: each shard needs a database of its own; add database: NAME$/);
  assert.match(problems(`processes:\n${rest}  a:\n    modules: [mod-cats]\n    database: a\n    shards: 257\n`)[0]!, /^house\.yaml:6: processes\.a\.shards: too big: expected number to be <=256$/);
  assert.match(problems(`processes:\n${rest}  a:\n    modules: [mod-cats]\n    database: x\n    shards: 2\n  b:\n    modules: [mod-lamps]\n    database: x-0\n`).join('\n'), /house\.yaml:9: processes\.b\.database: b and a would share the database x_0/);
});

test('names that would be given twice are refused', () => {
  assert.match(problems(`processes:\n${rest}  a: {modules: [mod-cats], replicas: 2}\n  a-1: {modules: [mod-lamps]}\n`)[0]!, /^house\.yaml:4: processes\.a-1: two processes would be named a-1/);
  assert.match(problems('processes:\n  mod-cats: {modules: ["sys-*", "mod-la*"]}\n  "*":\n')[0]!, /^house\.yaml:3: processes\.\*: two processes would be named mod-cats/);
});

test('several processes need the module that is the door to them all', () => {
  const closed = modules.filter(({ name }) => name !== 'sys-door');
  assert.match(problems('processes:\n  "*":\n', closed)[0]!, /^house\.yaml:1: processes: several processes need a module that is the door to them all; enable sys-gateway/);
  assert.equal(read('processes:\n  a: {modules: ["*"]}\n', closed).instances.length, 1);
});

test('a file that names no process is refused', () => {
  for (const text of ['processes: {}\n', 'processes:\n', '']) {
    assert.match(problems(text)[0]!, /^house\.yaml:1: processes: must say what runs where/, text);
    assert.throws(() => outlinePlacement(join(folder, 'house.yaml'), ['sys-core']), /must say what runs where/, text);
  }
});

test('a placement that is not there is told with those that are', () => {
  assert.throws(() => readPlacement('shared', modules), /there is no placement "shared"; give the path of a placement file, or one of these names: .*one-process.*sharded/);
});

test('each enabled module runs in exactly one process, in all shards and replicas of it', () => {
  const patterns = modules.flatMap(({ name }) => [name, ...[...name].map((_, at) => `${name.slice(0, at)}*`)]);
  const line = fc.record({ modules: fc.uniqueArray(fc.constantFrom(...patterns), { minLength: 1, maxLength: 4 }), replicas: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }) }, { requiredKeys: ['modules'] });
  const lines = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), line, { minKeys: 1 });
  const enabled = fc.subarray(modules.filter(({ name }) => name !== 'sys-door')).map((some) => [...some, modules[1]!]);
  fc.assert(fc.property(lines, enabled, fc.boolean(), (named, enabled, withRest) => {
    const taken = new Set<string>();
    for (const line of Object.values(named)) {
      line.modules = line.modules.filter((pattern) => !taken.has(pattern));
      line.modules.forEach((pattern) => taken.add(pattern));
    }
    const processes = Object.fromEntries(Object.entries(named).filter(([, { modules }]) => modules.length > 0));
    const everywhere = enabled.every(({ name }) => [...taken].some((pattern) => pattern === name || (pattern.endsWith('*') && name.startsWith(pattern.slice(0, -1)))));
    const text = stringify({ processes: { ...processes, ...(withRest && { '*': null }) } });
    if (!everywhere && !withRest) return void assert.match(problems(text, enabled).join('\n'), /no process runs/);
    const { instances } = read(text, enabled);
    for (const { name } of enabled) {
      const running = instances.filter(({ modules }) => modules.includes(name));
      assert.equal(new Set(running.map(({ process }) => process)).size, 1, `${name} in ${text}`);
      assert.equal(running.length, running[0]!.replica?.count ?? 1);
    }
    assert.equal(new Set(instances.map(({ name }) => name)).size, instances.length);
  }));
});
