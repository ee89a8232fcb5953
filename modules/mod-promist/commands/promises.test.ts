import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after } from 'node:test';
import type { CommandTools } from '@mainstay/kernel';
import { everyTopology, type TestDeployment } from '@mainstay/testing';
import { Command } from 'commander';
import promises from './promises.ts';

const folder = mkdtempSync(join(tmpdir(), 'mainstay-promises-'));
after(() => rmSync(folder, { recursive: true }));

/** Runs a command line as somebody of the demo, and gives what it printed. */
async function run(deployment: TestDeployment, as: string, ...args: string[]) {
  const { failure, ...printed } = await attempt(deployment, as, ...args);
  if (failure !== undefined) throw failure;
  return printed;
}

/** The same of a command that may fail. */
async function attempt(deployment: TestDeployment, as: string, ...args: string[]) {
  const lines: string[] = [];
  const rows: Record<string, string>[] = [];
  const progress: number[] = [];
  const json = args.includes('--json');
  const tools: CommandTools = {
    client: (service) => deployment.client(service, as),
    print: (line) => void lines.push(line),
    table: (table) => void rows.push(...table),
    progress: (done) => void progress.push(done),
    json,
  };
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {} });
  promises(program.command('promises'), tools);
  const failure: unknown = await program.parseAsync(['promises', ...args.filter((word) => word !== '--json')], { from: 'user' }).then(() => undefined, (error: unknown) => error);
  return { lines, rows, progress, text: lines.join('\n'), failure };
}

const eve = 'eve@umbrella.test';
const ben = 'ben@acme.test';
const ada = 'ada@acme.test';

function file(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

everyTopology('import says how far it is, what it refused and where, and what came of it', async (deployment) => {
  const csv = file('tasks.csv', 'TYPE,CONTENT,DATE\ntask,Call @phone,2030-01-02 17:00\ntask,,\ntask,Pay,grumpf\n');
  const first = await attempt(deployment, eve, 'import', csv);
  assert.deepEqual(first.lines, ['line 4: the date "grumpf" is not understood: imported without a due time', 'line 3 refused: the task has no CONTENT', 'imported 2, updated 0, unchanged 0, refused 1']);
  assert.deepEqual(first.progress, [0, 2]);
  assert.match(String(first.failure), /1 of 3 were refused, the others are imported: mend them and import the file again/);
  const again = await attempt(deployment, eve, 'import', csv);
  assert.equal(again.lines.at(-1), 'imported 0, updated 0, unchanged 2, refused 1');
  assert.match(String(again.failure), /1 of 3 were refused/);
  const asJson = await attempt(deployment, eve, 'import', csv, '--json');
  assert.deepEqual([JSON.parse(asJson.text).unchanged, JSON.parse(asJson.text).refused], [2, [{ line: 3, reason: 'the task has no CONTENT' }]]);
  assert.match(String(asJson.failure), /1 of 3 were refused/);
  assert.match(String((await attempt(deployment, eve, 'import', file('empty.csv', 'TYPE,CONTENT,DATE\ntask,,\n'))).failure), /Error: 1 of 1 were refused: mend them/);
  assert.equal((await attempt(deployment, eve, 'import', file('good.csv', 'TYPE,CONTENT,DATE\ntask,Call @phone,2030-01-02 17:00\n'))).failure, undefined);
  const row = (await run(deployment, eve, 'list')).rows.find(({ title }) => title === 'Call');
  assert.deepEqual([row?.due, row?.tags, row?.state], ['2030-01-02 17:00', 'phone', 'pending']);
  await assert.rejects(run(deployment, eve, 'import', join(folder, 'none.ics')), /there is no file/);
  await assert.rejects(run(deployment, eve, 'import', folder), /is a folder/);
  await assert.rejects(run(deployment, eve, 'import', file('picture.png', 'PNG')), /neither iCalendar/);
  await assert.rejects(run(deployment, eve, 'import', csv, '--format', 'xml'), /json, ics or csv/);
});

everyTopology('a promise is added, shown, shared, kept and found by the end of its id', async (deployment) => {
  const { text } = await run(deployment, ada, 'add', 'Water', 'the', 'plants', '--to', ben, '--due', '2030-01-02', '--tag', 'home', '--tag', 'green', '--remind', 'every monday 9am');
  const [, id] = /^made ([0-9a-f]{8})  Water the plants, to Ben, due 2030-01-02 23:59, reminder \d{4}-\d\d-\d\d 09:00$/.exec(text) ?? assert.fail(text);
  assert.ok((await run(deployment, ben, 'list', '--to-me')).rows.some((row) => row.id === id));
  const shown = await run(deployment, ada, 'show', id!);
  assert.match(shown.text, /^Water the plants\n[^]*state +pending[^]*tags +home, green[^]*FREQ=WEEKLY;BYDAY=MO[^]*Ada {2}created/);
  assert.match((await run(deployment, ada, 'share', id!, ben, '--keep')).text, /^shared .* may keep it/);
  assert.match((await run(deployment, ben, 'keep', id!.slice(0, 4))).text, /^kept .*Water the plants$/);
  await assert.rejects(run(deployment, ada, 'keep', id!), /kept already/);
  assert.ok(!(await run(deployment, ada, 'list')).rows.some((row) => row.id === id));
  assert.ok((await run(deployment, ada, 'list', '--archived')).rows.some((row) => row.id === id && row.state === 'kept'));
  await run(deployment, ada, 'reopen', id!);
  assert.match((await run(deployment, ada, 'break', id!)).text, /^broken/);
});

everyTopology('a file is read from standard input', async (deployment) => {
  const stdin = Object.getOwnPropertyDescriptor(process, 'stdin')!;
  Object.defineProperty(process, 'stdin', { configurable: true, value: Readable.from([Buffer.from('[{"title": "From a pipe"}]')]) });
  try {
    assert.equal((await run(deployment, eve, 'import', '-')).lines.at(-1), 'imported 1, updated 0, unchanged 0, refused 0');
  } finally {
    Object.defineProperty(process, 'stdin', stdin);
  }
});

everyTopology('every command that changes something prints JSON when asked to', async (deployment) => {
  const json = async (...args: string[]) => JSON.parse((await run(deployment, ada, ...args, '--json')).text);
  const { id } = await json('add', 'Answer in JSON');
  assert.equal((await json('share', id, ben)).shares[0].permission, 'VIEW');
  assert.equal((await json('keep', id)).promises[0].state, 'FULFILLED');
  const other = (await json('add', 'Another')).id;
  await assert.rejects(run(deployment, ada, 'keep', id, other, '--json'), /1 of 2 promises were not kept/);
  assert.equal((await json('show', other)).state, 'FULFILLED');
  const output = join(folder, 'told.json');
  assert.deepEqual(await json('export', '--output', output), { output });
});

everyTopology('wrong input gets a clear message', async (deployment) => {
  await assert.rejects(run(deployment, ada, 'add', 'x', '--due', 'asdf'), /--due: "asdf" is not a time; write one like/);
  await assert.rejects(run(deployment, ada, 'add', 'x', '--due', 'every monday'), /use --remind/);
  await assert.rejects(run(deployment, ada, 'add', ' '), /must not be empty/);
  await assert.rejects(run(deployment, ada, 'keep', 'abc'), /at least 4/);
  await assert.rejects(run(deployment, ada, 'keep', 'ffffffff'), /no promise ffffffff/);
  await assert.rejects(run(deployment, ada, 'keep', '018f0000-0000-7000-8000-000000000000'), /no promise 018f/);
  await assert.rejects(run(deployment, ada, 'list', '--limit', 'many'), /whole number/);
});

everyTopology('export writes a file that can be imported again', async (deployment) => {
  for (const format of ['json', 'ics', 'csv']) {
    const output = join(folder, `promises.${format}`);
    assert.equal((await run(deployment, ben, 'export', '--output', output)).text, `exported to ${output}`);
    assert.match(readFileSync(output, 'utf8'), { json: /^\{"promises"/, ics: /^BEGIN:VCALENDAR/, csv: /^TYPE,CONTENT/ }[format]!);
    const again = (await run(deployment, ben, 'import', output)).lines.at(-1)!;
    assert.match(again, format === 'csv' ? /refused 0$/ : /^imported 0, updated 0, .* refused 0$/);
  }
  await assert.rejects(run(deployment, ben, 'export', '--output', join(folder, 'no/such/file.json')), /can't be written/);
});

everyTopology('list is filtered and ordered by the words of the API, and says what it does not understand', async (deployment) => {
  for (const title of ['cli beta', 'cli alpha']) await run(deployment, ada, 'add', title, '--tag', 'zz-cli');
  const { rows } = await run(deployment, ada, 'list', '--filter', 'tags:zz-cli AND state = PENDING', '--order-by', 'title');
  assert.deepEqual(rows.map(({ title }) => title), ['cli alpha', 'cli beta']);
  await assert.rejects(run(deployment, ada, 'list', '--filter', 'colour = red'), /unknown field colour; filterable: title, .*at column 1/);
  await assert.rejects(run(deployment, ada, 'list', '--order-by', 'colour'), /sortable: title, made_at, due_time/);
});
