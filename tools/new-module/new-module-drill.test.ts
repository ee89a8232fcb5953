import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { copyOfTree, root } from './copy-of-tree.ts';
import { newModule } from './new-module.ts';

let tree: string;

before(() => void (tree = copyOfTree()));
after(() => rmSync(tree, { recursive: true, force: true }));

const contents = (file: string) => readFileSync(join(tree, file), 'utf8');

/** What is wrong with the types of the tree. */
function typeErrors(exclude: string[] = []): string {
  writeFileSync(join(tree, 'tsconfig.check.json'), JSON.stringify({ extends: './tsconfig.json', exclude }));
  return spawnSync(process.execPath, [join(root, 'node_modules/typescript-native/bin/tsc'), '--noEmit', '-p', 'tsconfig.check.json'], { cwd: tree, encoding: 'utf8' }).stdout;
}

test('a new module is the example under its own name, in the build, and its tests pass at once', () => {
  const files = newModule(tree, 'mod-time-sheets');
  assert.ok(files.includes('modules/mod-time-sheets/contract/mod/time_sheets/v1/time_sheets.proto'));
  for (const file of files.filter((path) => path.startsWith('modules/'))) assert.doesNotMatch(contents(file), /hello/i, file);
  assert.match(contents('main/modules.ts'), /import\('@mainstay\/mod-time-sheets'\),/);
  assert.match(contents('deploy/deployment.schema.json'), /"mod-time-sheets"/);
  assert.equal(typeErrors(['**/*drill*']), '');
  const { status, stdout } = spawnSync(process.execPath, ['--test', 'modules/mod-time-sheets/'], { cwd: tree, encoding: 'utf8', env: { ...process.env, NODE_TEST_CONTEXT: undefined } });
  assert.equal(status, 0, stdout);
  assert.match(stdout, /pass 15/);
});

test('a module is removed with its folder and one line', () => {
  for (const name of ['mod-time-sheets', 'mod-promist']) {
    rmSync(join(tree, 'modules', name), { recursive: true });
    const lines = contents('main/modules.ts').split('\n');
    const kept = lines.filter((line) => !line.includes(`'@mainstay/${name}'`));
    assert.equal(lines.length - kept.length, 1);
    writeFileSync(join(tree, 'main/modules.ts'), kept.join('\n'));
  }
  execFileSync(process.execPath, [join(tree, 'cli/main.ts'), 'publish'], { cwd: tree });
  for (const file of ['buf.yaml', 'deploy/deployment.schema.json', 'docs/access.md', 'package-lock.json']) assert.doesNotMatch(contents(file), /promist|time-sheets/, file);
  assert.deepEqual(readdirSync(join(tree, 'node_modules/@mainstay')).filter((name) => /promist|time-sheets/.test(name)), []);
  // What only tests the products may speak of one that was taken away.
  assert.equal(typeErrors(['**/*.test.ts', 'testing', 'bench']), '');
  const names = execFileSync(process.execPath, ['--input-type=module', '-e', `const { modules } = await import('@mainstay/main/modules'); console.log(modules.map(({ name }) => name).join())`], { cwd: tree, encoding: 'utf8' });
  assert.equal(names.trim(), 'sys-core,sys-accounts,sys-email,sys-gateway');
});

test('a name that cannot be one, or that is taken, is refused and nothing is written', () => {
  for (const name of ['hello', 'mod-', 'mod-Hello', 'mod_x', 'mod-x/../..', `mod-${'x'.repeat(40)}`, 'app-x']) assert.throws(() => newModule(tree, name), /cannot name a module/, name);
  for (const name of ['mod-hello', 'sys-core']) assert.throws(() => newModule(tree, name), /there is a module/, name);
  assert.ok(!existsSync(join(tree, 'modules/mod-')));
});
