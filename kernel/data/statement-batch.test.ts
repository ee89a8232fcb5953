import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import pg from 'pg';
import { testDatabase, type TestDatabase } from '../testing/postgres.ts';
import { connectionConfig } from './connection.ts';
import { isUniqueViolation } from './database-errors.ts';
import { socketOf } from './hold-writes.ts';
import { clientSettings } from './pool.ts';
import { runBatch } from './statement-batch.ts';
import { runStatement } from './statement.ts';

const insert = 'insert into batched (text) values ($1)';
const refer = 'insert into referring (text) values ($1)';
const read = 'select text from batched order by text';
let server: TestDatabase;
let client: pg.Client;

before(async () => {
  server = await testDatabase();
  client = new pg.Client(clientSettings(connectionConfig(server.adminUrl, { database: 'postgres' }), true));
  await client.connect();
  await runStatement(client, 'create temp table batched (text text primary key)');
  await runStatement(client, 'create temp table referring (text text references batched deferrable initially deferred)');
  // A text gets a name at its second use, under which a connection keeps it.
  for (let times = 0; times < 2; times++) {
    for (const text of [insert, refer]) await runStatement(client, text, [`once ${times}`]).catch(() => {});
    await runStatement(client, read);
  }
});

beforeEach(() => runStatement(client, 'truncate batched, referring'));

after(async () => {
  await client.end().catch(() => {});
  await server.drop();
});

const run = (...steps: [sql: string, ...values: unknown[]][]) => runBatch(client, steps.map(([sql, ...parameters]) => ({ sql, parameters })));
const texts = async () => (await runStatement(client, read)).rows.map(({ text }) => text);

test('all of a batch is kept, rows that it reads are nobody\'s', async () => {
  await run([insert, 'one'], [read], [insert, 'two'], [refer, 'one']);
  assert.deepEqual(await texts(), ['one', 'two']);
});

test('nothing of a batch is kept that fails, and what stands behind it goes on', async () => {
  const failing = run([insert, 'one'], [insert, 'two'], [insert, 'one'], [insert, 'three']);
  const behind = run([insert, 'one'], [insert, 'four']);
  const seen = texts();
  await assert.rejects(failing!, (error) => isUniqueViolation(error));
  await behind;
  assert.deepEqual(await seen, ['four', 'one']);
});

test('a batch whose commit fails tells so, and is not kept', async () => {
  await assert.rejects(run([insert, 'one'], [refer, 'absent'])!, /violates foreign key constraint/);
  assert.deepEqual(await texts(), []);
});

test('nothing is sent of a batch with a value that cannot be, or with a statement that the connection does not know', async () => {
  const circle: Record<string, unknown> = {};
  circle['itself'] = circle;
  assert.throws(() => run([insert, 'one'], [insert, circle]), /circular/);
  assert.equal(run([insert, 'one'], ['insert into batched (text) values (lower($1))', 'TWO']), undefined);
  assert.deepEqual(await texts(), []);
});

test('the connection is lost: the batch says so', async () => {
  const lost = run([insert, 'one']);
  client.on('error', () => {});
  socketOf(client).destroy();
  await assert.rejects(lost!);
});
