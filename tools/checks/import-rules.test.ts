import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readImports } from './import-rules.ts';

/** Reads a project of these files, each empty but for the imports given, and tells which rules it breaks. */
async function breaches(t: TestContext, files: Record<string, string>): Promise<string[]> {
  const tree = mkdtempSync(join(tmpdir(), 'mainstay-imports-'));
  t.after(() => rmSync(tree, { recursive: true, force: true }));
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    writeFileSync(join(tree, file), `${content}\nexport const here = 1;\n`);
  }
  const reading = await readImports(tree);
  return [...new Set(reading.breaches.map(({ rule }) => rule))].sort();
}

const has = async (t: TestContext, rule: string, files: Record<string, string>) => {
  const found = await breaches(t, files);
  assert.ok(found.includes(rule), `expected ${rule}, found ${found.join(', ') || 'nothing'}`);
};

test('a kernel that imports a module is found', (t) =>
  has(t, 'kernel-knows-no-module', { 'kernel/a.ts': "import '../modules/mod-a/module.ts';", 'modules/mod-a/module.ts': '' }));

test("a module that imports another's server is found, and its contract is allowed", async (t) => {
  const other = { 'modules/mod-b/server/b.ts': '', 'modules/mod-b/contract/index.ts': '' };
  await has(t, 'modules-meet-at-contracts', { 'modules/mod-a/server/a.ts': "import '../../mod-b/server/b.ts';", ...other });
  const found = await breaches(t, { 'modules/mod-a/server/a.ts': "import '../../mod-b/contract/index.ts';", ...other });
  assert.ok(!found.includes('modules-meet-at-contracts'));
});

test('a platform module that imports a product contract is found', (t) =>
  has(t, 'sys-knows-no-mod', { 'modules/sys-a/server/a.ts': "import type { here } from '../../mod-b/contract/index.ts';", 'modules/mod-b/contract/index.ts': '' }));

test('a contract that imports running code is found', (t) =>
  has(t, 'contract-stands-alone', { 'modules/mod-a/contract/index.ts': "import '../errors.ts';", 'modules/mod-a/errors.ts': '' }));

test('a client that imports its server is found, and its types are allowed', async (t) => {
  const server = { 'modules/mod-a/server/a.ts': '' };
  await has(t, 'client-never-meets-server', { 'modules/mod-a/client/index.ts': "import { here as there } from '../server/a.ts'; console.log(there);", ...server });
  assert.deepEqual(await breaches(t, { 'modules/mod-a/client/index.ts': "import type { here as There } from '../server/a.ts';", ...server }), []);
});

test('a server that imports its client is found', (t) =>
  has(t, 'server-never-meets-client', { 'modules/mod-a/server/a.ts': "import '../client/index.ts';", 'modules/mod-a/client/index.ts': '' }));

test('a server that draws is found', (t) =>
  has(t, 'server-does-not-draw', { 'modules/mod-a/server/a.ts': "import 'react';" }));

test('an import around the exports of a package is found', (t) =>
  has(t, 'only-through-exports', { 'modules/mod-a/server/a.ts': "import '../../../kernel/a.ts';", 'kernel/a.ts': '' }));

test('a module that knows who starts it is found', (t) =>
  has(t, 'modules-stand-on-the-kernel-alone', { 'modules/mod-a/server/a.ts': "import '../../../main/modules.ts';", 'main/modules.ts': '' }));

test('product code that imports test code is found', (t) =>
  has(t, 'product-does-not-test', { 'kernel/a.ts': "import './testing/b.ts';", 'kernel/testing/b.ts': '' }));

test('two files that need each other are found, if only for a type', async (t) => {
  const back = { 'kernel/b.ts': "import './a.ts';" };
  await has(t, 'no-circles', { 'kernel/a.ts': "import './b.ts';", ...back });
  await has(t, 'no-circles', { 'kernel/a.ts': "import type { here as There } from './b.ts';", ...back });
});

test('an import of nothing is found', (t) => has(t, 'imports-resolve', { 'kernel/a.ts': "import './absent.ts';" }));
