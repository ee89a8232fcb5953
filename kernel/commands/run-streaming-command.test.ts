import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { create, type DescMethod, type Message } from '@bufbuild/protobuf';
import { Code, type HandlerContext } from '@connectrpc/connect';
import { createDatabase, type ModuleDatabase } from '../data/create-database.ts';
import { migrate } from '../data/migrate.ts';
import { provision } from '../data/provision.ts';
import { reasonOf } from '../errors/define-errors.ts';
import { runInCall, type Call } from '../guard/call.ts';
import { createLog } from '../telemetry/log.ts';
import { EchoService, LedgerService } from '../testing/index.ts';
import { testDatabase, type TestDatabase } from '../testing/postgres.ts';
import { Commands } from './commands.ts';
import { runStreamingCommand } from './run-streaming-command.ts';

const secret = 'd'.repeat(64);
const files = mkdtempSync(join(tmpdir(), 'mainstay-streams-'));
let server: TestDatabase;
/** Each as one process has them. */
let processes: { db: ModuleDatabase<any>; commands: Commands }[];

before(async () => {
  server = await testDatabase();
  writeFileSync(join(files, '0001-notes.sql'), 'create table mod_streams_notes (id uuid primary key default uuidv7(), text text not null, at_end text unique deferrable initially deferred);');
  const place = { adminUrl: server.adminUrl, database: server.name };
  await provision({ ...place, modules: ['mod-streams'], secret });
  await migrate({ ...place, module: 'mod-streams', migrations: pathToFileURL(files) });
  processes = [1, 2].map(() => {
    const db = createDatabase<any>({ ...place, module: 'mod-streams', secret });
    return { db, commands: new Commands({ database: db, secret, log: createLog({ level: 'silent' }) }) };
  });
});

after(async () => {
  await Promise.all(processes.map(async ({ db, commands }) => {
    await commands.close();
    await db.close();
  }));
  await server.drop();
  rmSync(files, { recursive: true });
});

interface Told {
  key?: string;
  request: Message | AsyncIterable<Message>;
  /** What the handler does in its call, told the database. */
  handle: (db: ModuleDatabase<any>, request: any) => AsyncGenerator<Message>;
}

/** Runs a command as the process `at` would. */
function run(at: number, method: DescMethod, { key, request, handle }: Told): { answers: AsyncGenerator<any>; header: Headers } {
  const { db, commands } = processes[at]!;
  const call: Call = { principal: { kind: 'module', module: 'mod-streams' }, traceId: '2'.repeat(32), idempotencyKey: key };
  const context = { responseHeader: new Headers() } as HandlerContext;
  const inCall = async function* (given: Message): AsyncGenerator<Message> {
    const messages = handle(db, given);
    for (;;) {
      const next = await runInCall(call, () => messages.next());
      if (next.done) return;
      yield next.value;
    }
  };
  return { answers: runStreamingCommand({ commands, method, call, request: request as Message, context }, (given = request as Message) => inCall(given)), header: context.responseHeader };
}

const write = (db: ModuleDatabase<any>, text: string, atEnd: string | null = null) => db.write((tx) => tx.insertInto('mod_streams_notes').values({ text, at_end: atEnd }).execute());
const written = async (text: string) => (await server.sql(`select 1 from mod_streams.mod_streams_notes where text = $1`, [text])).length;
const lines = LedgerService.method.writeLines;
const line = (id: string) => create(lines.output, { id });

/** A handler that writes a text, gives answers, and waits for the gate before it ends. */
const writing = (text: string, ids: readonly string[], gate: Promise<unknown> = Promise.resolve()): Told['handle'] => async function* (db) {
  await write(db, text);
  for (const id of ids) yield line(id);
  await gate;
};

test('of two processes under one key one takes effect, and the other waits for its answers and gives them', async () => {
  const [text, key] = [randomUUID(), randomUUID()];
  const request = create(lines.input, { text });
  const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const first = Array.fromAsync(run(1, lines, { key, request, handle: async function* (db, given) {
    begun.resolve();
    yield* writing(text, ['1', '2', '3'], gate.promise)(db, given);
  } }).answers);
  await begun.promise;
  const other = run(0, lines, { key, request, handle: writing(text, ['a', 'b']) });
  const repeated = Array.fromAsync(other.answers);
  gate.resolve();
  for (const answers of [await first, await repeated]) assert.deepEqual(answers.map(({ id }) => id), ['1', '2', '3']);
  assert.equal(other.header.get('idempotency-replayed'), 'true');
  assert.equal(await written(text), 1);
});

test('of two streamed requests at once in two processes one takes effect, and another one is refused', async () => {
  const { sum } = EchoService.method;
  const requests = async function* (...numbers: bigint[]) {
    for (const number of numbers) yield create(sum.input, { number });
  };
  for (const [numbers, expected] of [[[1n, 2n], 'first'], [[1n, 3n], 'kernel.IDEMPOTENCY_KEY_REUSED']] as const) {
    const [text, key] = [randomUUID(), randomUUID()];
    const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const handle: Told['handle'] = async function* (db, given) {
      begun.resolve();
      let total = 0n;
      for await (const { number } of given) total += number;
      await write(db, text);
      await gate.promise;
      yield create(sum.output, { sum: total });
    };
    const first = Array.fromAsync(run(1, sum, { key, request: requests(1n, 2n), handle }).answers);
    await begun.promise;
    const other = Array.fromAsync(run(0, sum, { key, request: requests(...numbers), handle }).answers).then(() => 'first', reasonOf);
    gate.resolve();
    await first;
    assert.equal(await other, expected);
    assert.equal(await written(text), 1);
  }
});

test('the last answer is not given where the commit fails', async () => {
  const [text, other] = [randomUUID(), randomUUID()];
  await write(processes[0]!.db, other, text);
  const given: string[] = [];
  const { answers } = run(0, lines, { request: create(lines.input, { text }), handle: async function* (db) {
    await write(db, text, text);
    yield line('a');
    yield line('b');
  } });
  await assert.rejects(async () => { for await (const { id } of answers) given.push(id); }, /mod_streams_notes_at_end_key/);
  assert.ok(!given.includes('b'));
  assert.equal(await written(text), 0);
});

test('a command goes on while its caller does not read, until 256 KiB wait', async () => {
  const text = randomUUID();
  let made = 0;
  const { answers } = run(0, lines, { request: create(lines.input, { text }), handle: async function* (db) {
    await write(db, text);
    for (; made < 100; made++) yield create(lines.output, { id: 'x'.repeat(10_000) });
  } });
  await answers.next();
  for (let turns = 0; turns < 100; turns++) await new Promise(setImmediate);
  assert.ok(made >= 26 && made <= 30, String(made));
  assert.equal((await Array.fromAsync(answers)).length, 99);
  assert.equal(await written(text), 1);
});

test('an answer longer than what may wait is given like any other', { timeout: 20_000 }, async () => {
  const text = randomUUID();
  const lengths = [300_000, 10, 600_000, 300_000];
  const { answers } = run(0, lines, { request: create(lines.input, { text }), handle: async function* (db) {
    await write(db, text);
    for (const length of lengths) yield create(lines.output, { id: 'x'.repeat(length) });
  } });
  assert.deepEqual((await Array.fromAsync(answers)).map(({ id }) => id.length), lengths);
  assert.equal(await written(text), 1);
});

test('who leaves while the handler works undoes it, though no answer came', async () => {
  const text = randomUUID();
  const gate = Promise.withResolvers<void>();
  const { answers } = run(0, lines, { request: create(lines.input, { text }), handle: writing(text, [], gate.promise) });
  const first = answers.next();
  const left = answers.return(undefined);
  gate.resolve();
  await assert.rejects(first, { code: Code.Canceled });
  await left;
  assert.equal(await written(text), 0);
});

test('who leaves before the end undoes it, also where the handler had all its answers made', async () => {
  const text = randomUUID();
  const records = () => server.sql('select id from mod_streams.mod_streams_commands order by id');
  const before = await records();
  const gate = Promise.withResolvers<void>();
  const { answers } = run(0, lines, { request: create(lines.input, { text }), handle: writing(text, ['a', 'b'], gate.promise) });
  await answers.next();
  const left = answers.return(undefined);
  gate.resolve();
  await left;
  assert.equal(await written(text), 0);
  assert.deepEqual(await records(), before);
});
