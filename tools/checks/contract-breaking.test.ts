import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { baseOfComparison, compareContracts } from './contract-breaking.ts';

/** A git project with one committed contract. */
function project(t: TestContext) {
  const tree = mkdtempSync(join(tmpdir(), 'mainstay-breaking-'));
  t.after(() => rmSync(tree, { recursive: true, force: true }));
  const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=t', '-c', 'user.email=t@t.test', ...args], { cwd: tree, stdio: 'pipe' });
  const write = (fields: string, module = 'mod-a') => {
    mkdirSync(join(tree, `modules/${module}/contract/mod/a/v1`), { recursive: true });
    writeFileSync(join(tree, `modules/${module}/contract/mod/a/v1/${module}.proto`), `syntax = "proto3";\npackage mod.a.v1;\nmessage ${module.replace('-', '')} {\n${fields}\n}\n`);
  };
  const commit = () => { git('add', '.'); git('commit', '-qm', 'change'); };
  git('init', '-q');
  write('string name = 1;');
  commit();
  return { tree, git, write, commit };
}

test('a field that changes its type breaks a contract and is named', async (t) => {
  const { tree, write } = project(t);
  write('int32 name = 1;');
  await assert.rejects(compareContracts(tree, 'HEAD'), { name: 'CheckFailed', message: /Field "1" with name "name".*changed type/ });
});

test('a new field and a new module break nothing', async (t) => {
  const { tree, write } = project(t);
  write('string name = 1;\nstring title = 2;');
  write('string other = 1;', 'mod-b');
  await compareContracts(tree, 'HEAD');
});

test('the first commit has nothing to be compared with; later the parent, what was agreed, a release, or what is wanted', (t) => {
  const { tree, git, write, commit } = project(t);
  assert.equal(baseOfComparison(tree, ''), undefined);
  write('string name = 1;\nstring title = 2;');
  commit();
  assert.equal(baseOfComparison(tree, ''), 'HEAD^');
  const first = git('rev-parse', 'HEAD^').toString().trim();
  mkdirSync(join(tree, 'tools'));
  writeFileSync(join(tree, 'tools/contract-base'), `${first}\n`);
  assert.equal(baseOfComparison(tree, ''), first);
  writeFileSync(join(tree, 'tools/contract-base'), `${'0'.repeat(40)}\n`);
  assert.equal(baseOfComparison(tree, ''), 'HEAD^', 'a commit that this clone does not have');
  git('tag', 'v9.0.0');
  git('tag', 'v10.0.0');
  assert.equal(baseOfComparison(tree, ''), 'v10.0.0');
  assert.equal(baseOfComparison(tree, 'main~3'), 'main~3');
});
