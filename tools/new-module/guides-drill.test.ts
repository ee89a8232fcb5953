import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { copyOfTree, root } from './copy-of-tree.ts';
import { followGuide } from './follow-guide.ts';
import { newModule } from './new-module.ts';

/** Where a guide's code has to work; what holds in any placement is for the tests of the platform. */
const placements = ['one-process', 'per-module'];

let tree: string;

before(() => void (tree = copyOfTree()));
after(() => rmSync(tree, { recursive: true, force: true }));

const follow = (guide: string) => followGuide(tree, readFileSync(join(root, 'docs/guides', `${guide}.md`), 'utf8'));
const node = (...args: string[]) => spawnSync(process.execPath, args, { cwd: tree, encoding: 'utf8', env: { ...process.env, MAINSTAY_TEST_PLACEMENTS: placements.join(), NODE_TEST_CONTEXT: undefined } });

/** What the command line's `call` shows of a field that a guide has added. */
const callByCommandLine = `
import assert from 'node:assert/strict';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { everyTopology } from '@mainstay/testing';
import { callMethod } from '../../cli/connection/call-method.ts';
import { findMethod } from '../../cli/connection/find-method.ts';
import { GreetingsService } from './contract/index.ts';

everyTopology('the command line takes and shows the new field', async ({ address, token }) => {
  const authorization = \`Bearer \${await token('ada@acme.test')}\`;
  const transport = createGrpcTransport({ baseUrl: address, interceptors: [(next) => (request) => { request.header.set('authorization', authorization); return next(request); }] });
  const call = async (name: string, json: string) => (await Array.fromAsync(callMethod(transport, findMethod([GreetingsService], name), json)))[0] as Record<string, any>;
  assert.equal((await call('CreateGreeting', '{"greeting": {"text": "Hm", "mood": "calm"}}')).mood, 'calm');
  assert.deepEqual((await call('ListGreetings', '{"filter": "mood = \\\\"calm\\\\""}')).greetings.map(({ text }: { text: string }) => text), ['Hm']);
}, { moduleFiles: [import.meta.resolve('./module.ts')], modules: { 'sys-core': null, 'sys-accounts': null, 'sys-email': null, 'mod-garden': null } });
`;

test('whoever follows the guides to the letter has what they promise', () => {
  newModule(tree, 'mod-garden');
  const field = follow('add-a-field').filter((file) => !file.endsWith('.test.ts'));
  assert.ok(field.length <= 4, `adding a field takes ${field.length} files: ${field.join(', ')}`);
  for (const guide of ['add-a-query', 'add-a-command', 'add-an-event', 'add-a-job', 'add-a-page']) assert.ok(follow(guide).length > 2, guide);
  writeFileSync(join(tree, 'modules/mod-garden/call.test.ts'), callByCommandLine);
  execFileSync(process.execPath, [join(tree, 'tools/generate-contracts.ts')], { cwd: tree });
  writeFileSync(join(tree, 'tsconfig.garden.json'), JSON.stringify({ extends: './tsconfig.json', include: ['modules/mod-garden'] }));
  const { stdout: problems } = node(join(root, 'node_modules/typescript-native/bin/tsc'), '--noEmit', '--checkers', '2', '-p', 'tsconfig.garden.json');
  // The rest of the project has a check of its own.
  assert.deepEqual(problems.split('\n').filter((line) => line.startsWith('modules/mod-garden/')), []);
  const { status, stdout } = node('--test', 'modules/mod-garden/');
  assert.equal(status, 0, stdout);
  assert.match(stdout, new RegExp(`pass ${10 * placements.length}\n`));
});

test('a guide that says no place for its code, or one that is not there, is not followed', () => {
  assert.throws(() => followGuide(tree, 'Write:\n\n```ts\nlet a;\n```\n'), /does not say where/);
  assert.throws(() => followGuide(tree, 'In `main/modules.ts`, after `no such line`:\n\n```ts\nlet a;\n```\n'), /has 0 lines/);
});
