import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import type { CommandTools } from '@mainstay/kernel';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { Command } from 'commander';
import files from './files.ts';

const folder = mkdtempSync(join(tmpdir(), 'mainstay-files-'));
after(() => rmSync(folder, { recursive: true }));

/** Runs a command line as somebody of the demo, and gives what it printed. */
async function run(deployment: TestDeployment, as: string, ...args: string[]) {
  const lines: string[] = [];
  const rows: Record<string, string>[] = [];
  const progress: number[] = [];
  const tools: CommandTools = {
    client: (service) => deployment.client(service, as),
    print: (line) => void lines.push(line),
    table: (table) => void rows.push(...table),
    progress: (done) => void progress.push(done),
    json: args.includes('--json'),
  };
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  files(program.command('files'), tools);
  await program.parseAsync(['files', ...args.filter((word) => word !== '--json')], { from: 'user' });
  return { lines, rows, progress, text: lines.join('\n') };
}

const [ada, eve] = ['ada@acme.test', 'eve@umbrella.test'];

everyTopology('a file is put, listed, got and removed', async (deployment) => {
  const path = join(folder, 'notes.txt');
  writeFileSync(path, 'kept words\n'.repeat(50_000));
  const put = await run(deployment, ada, 'put', path, '--org');
  const [, id] = /^kept notes\.txt as ([0-9a-f-]{36})$/.exec(put.text) ?? assert.fail(put.text);
  assert.equal(put.progress.at(-1), 550_000);
  const { rows } = await run(deployment, ada, 'list');
  assert.deepEqual({ ...rows.find((row) => row.id === id), kept: '' }, { id, name: 'notes.txt', type: 'text/plain', bytes: '550000', kept: '', 'who reads': 'the org' });
  assert.deepEqual((await run(deployment, ada, 'list', '--filter', 'name = "notes.txt" AND size > 1000', '--order-by', 'size desc')).rows.map((row) => row.id), [id]);
  assert.deepEqual((await run(deployment, ada, 'list', '--filter', 'size < 1000')).lines, ['no files']);
  const output = join(folder, 'copy.txt');
  assert.equal((await run(deployment, ada, 'get', id!, '-o', output)).text, `written to ${output}`);
  assert.ok(readFileSync(output).equals(readFileSync(path)));
  assert.equal((await run(deployment, ada, 'remove', id!)).text, `removed ${id}`);
  assert.deepEqual((await run(deployment, eve, 'list')).lines, ['no files']);
});

everyTopology('of several files those that can not be removed are told, and the others are removed', async (deployment) => {
  const path = join(folder, 'short.txt');
  writeFileSync(path, 'short');
  const ids = await Promise.all([1, 2].map(async () => (JSON.parse((await run(deployment, ada, 'put', path, '--json')).text) as { id: string }).id));
  const none = '018f0000-0000-7000-8000-000000000000';
  await assert.rejects(run(deployment, ada, 'remove', ids[0]!, none, ids[1]!), /1 of 3 were not removed/);
  assert.deepEqual((await run(deployment, ada, 'list')).rows.filter(({ id }) => ids.includes(id!)), []);
  await assert.rejects(run(deployment, ada, 'remove', none), /no file/);
});

everyTopology('what cannot be read or found is told, and leaves nothing', async (deployment) => {
  await assert.rejects(run(deployment, ada, 'put', join(folder, 'none')), /there is no file/);
  await assert.rejects(run(deployment, ada, 'put', folder), /is a folder/);
  const output = join(folder, 'never.txt');
  await assert.rejects(run(deployment, ada, 'get', 'nonsense', '-o', output), /no file nonsense/);
  assert.deepEqual([existsSync(output), existsSync(`${output}.part`)], [false, false]);
  await assert.rejects(run(deployment, ada, 'get', 'nonsense', '-o', join(folder, 'no/where')), /can't be written|no file/);
});
