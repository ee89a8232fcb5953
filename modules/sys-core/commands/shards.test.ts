import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CommandTools } from '@mainstay/kernel';
import { startDeployment } from '@mainstay/testing';
import { Command } from 'commander';
import shardsGroup from './shards.ts';

test('the command line lists shards, plans a move, and moves slots and says how long writes were held', async (t) => {
  const deployment = await startDeployment({ placement: 'sharded' });
  t.after(() => deployment.stop());
  const run = async (...words: string[]) => {
    const lines: string[] = [];
    const tools: CommandTools = { client: (service) => deployment.client(service, 'root@mainstay.test'), print: (line) => void lines.push(line), table: (rows) => void lines.push(...rows.map((row) => Object.values(row).join(' '))), progress: () => {}, json: false };
    const group = new Command('shards').exitOverride().configureOutput({ writeErr: () => {} });
    shardsGroup(group, tools);
    await group.parseAsync(words, { from: 'user' });
    return lines;
  };
  assert.deepEqual((await run('list')).map((line) => line.split(' ').slice(0, 4).join(' ')), ['mod-promist 0 0-63 64', 'mod-promist 1 64-127 64', 'mod-promist 2 128-191 64', 'mod-promist 3 192-255 64']);
  assert.match((await run('move', '0-3,70', '--to', '1', '--dry-run'))[0]!, /^4 slots \(0-3\) with \d+ orgs? and \d+ rows? would move to shard 1 of mod-promist$/);
  assert.match((await run('move', '0', '--to', '1', '--dry-run'))[0]!, /^1 slot \(0\) with /);
  assert.match((await run('move', '0-3,70', '--to', '1')).at(-1)!, /^4 slots moved to shard 1 of mod-promist; writes were held for at most \d+ ms$/);
  assert.match((await run('list'))[1]!, /^mod-promist 1 0-3,64-127 68 /);
  assert.deepEqual(await run('move', '0-3', '--to', '1', '--dry-run'), ['shard 1 of mod-promist owns them already']);
  await assert.rejects(run('move', '0-3', '--to', 'one'), /Write the number of a shard/);
});
