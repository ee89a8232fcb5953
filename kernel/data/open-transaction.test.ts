import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { CompiledQuery, sql, type Generated } from 'kysely';
import { runInCall, type Call } from '../guard/call.ts';
import { testDatabase, type TestDatabase } from '../testing/postgres.ts';
import { createDatabase, type ModuleDatabase } from './create-database.ts';
import type { Transaction } from './database.ts';
import { isUniqueViolation } from './database-errors.ts';
import { migrate } from './migrate.ts';
import { provision } from './provision.ts';

interface Tables {
  mod_ends_notes: { id: Generated<string>; org_id: Generated<string>; text: string; data: Generated<unknown> };
}

const files = mkdtempSync(join(tmpdir(), 'mainstay-migrations-'));
let server: TestDatabase;
let db: ModuleDatabase<Tables>;

before(async () => {
  server = await testDatabase();
  writeFileSync(join(files, '0001-notes.sql'), `
    create table mod_ends_notes (id uuid primary key default uuidv7(), org_id uuid not null, text text not null unique, data jsonb);
    select mainstay.protect_tenant_table('mod_ends_notes');`);
  await provision({ adminUrl: server.adminUrl, database: server.name, modules: ['mod-ends'], secret: 'c'.repeat(64) });
  await migrate({ adminUrl: server.adminUrl, database: server.name, module: 'mod-ends', migrations: pathToFileURL(files) });
});

// Connections that know no statement yet, and one at a time of those that are not shared.
beforeEach(() => {
  db = createDatabase<Tables>({ adminUrl: server.adminUrl, database: server.name, module: 'mod-ends', secret: 'c'.repeat(64), poolSize: 1 });
});

afterEach(() => db.close());

after(async () => {
  await server.drop();
  rmSync(files, { recursive: true });
});

const inOrg = <T>(orgId: string, work: (call: Call) => Promise<T>): Promise<T> => {
  const call: Call = { principal: { kind: 'module', module: 'mod-ends', orgId }, traceId: '1'.repeat(32) };
  return runInCall(call, () => work(call));
};

const command = (orgId: string, handle: () => Promise<void>) => inOrg(orgId, async (call) => {
  const scope = (call.command = db.beginCommand(call));
  try {
    await handle();
    await scope.commit([]);
  } finally {
    await scope.rollback();
  }
});

const add = (tx: Transaction<Tables>, text: string, data?: unknown) => tx.insertInto('mod_ends_notes').values(data === undefined ? { text } : { text, data });
const texts = (orgId: string) => inOrg(orgId, () => db.read(async (q) => (await q.selectFrom('mod_ends_notes').select('text').orderBy('id').execute()).map(({ text }) => text)));
/** JSON has no such number. */
const unsendable = { count: 1n };
const notSendable = /serialize a BigInt/;
const over = /this transaction is over/;

test('a value that can not be sent keeps everything else of its command from being committed', async () => {
  const orgId = randomUUID();
  for (let round = 0; round < 4; round++) {
    await assert.rejects(command(orgId, () => db.write(async (tx) => {
      tx.atCommit(add(tx, randomUUID()));
      tx.atCommit(add(tx, randomUUID(), unsendable));
    })), notSendable);
    await assert.rejects(command(orgId, () => db.write(async (tx) => {
      await add(tx, randomUUID()).execute();
      tx.atCommit(add(tx, randomUUID(), unsendable));
    })), notSendable);
  }
  assert.deepEqual(await texts(orgId), []);
});

test('a statement with a value that can not be sent leaves nothing behind for those that come after it', async () => {
  const orgId = randomUUID();
  for (let round = 0; round < 4; round++) {
    const name = `nowhere_${orgId.replaceAll('-', '')}`;
    await assert.rejects(inOrg(orgId, () => db.read((q) => q.executeQuery(CompiledQuery.raw(`select from ${name} where data = $1`, [unsendable])))), notSendable);
    await inOrg(orgId, () => db.write((tx) => add(tx, randomUUID()).execute()));
  }
  assert.equal((await texts(orgId)).length, 4);
});

test('what comes behind a failed transaction on a new connection does not miss the statements that it could not parse', async () => {
  const orgId = randomUUID();
  const both = (first: string) => command(orgId, () => db.write(async (tx) => {
    tx.atCommit(add(tx, first));
    tx.atCommit(tx.insertInto('mod_ends_notes').values({ text: sql<string>`${randomUUID()}::text || ''` }));
  }));
  const taken = randomUUID();
  for (const text of [taken, randomUUID(), randomUUID()]) await both(text);
  await db.close();
  db = createDatabase<Tables>({ adminUrl: server.adminUrl, database: server.name, module: 'mod-ends', secret: 'c'.repeat(64) });
  const ends = await Promise.allSettled(Array.from({ length: 12 }, (_, place) => both(place < 6 ? taken : randomUUID())));
  for (const [place, end] of ends.entries()) {
    if (place < 6) assert.ok(end.status === 'rejected' && isUniqueViolation(end.reason));
    else assert.deepEqual(end, { status: 'fulfilled', value: undefined });
  }
});

test('what is written in a transaction after its end is refused, and written into no other', async () => {
  const [acme, umbrella] = [randomUUID(), randomUUID()];
  let ended: Transaction<Tables> | undefined;
  await inOrg(acme, () => db.write(async (tx) => {
    await add(tx, 'in time').execute();
    ended = tx;
  }));
  await inOrg(umbrella, () => db.write(async (tx) => {
    await add(tx, 'theirs').execute();
    await assert.rejects(add(ended!, 'late').execute(), over);
  }));
  assert.throws(() => ended!.atCommit(add(ended!, 'later still')), over);
  assert.deepEqual([await texts(acme), await texts(umbrella)], [['in time'], ['theirs']]);
});

test('a transaction that failed before its first statement takes no connection for a late one', async () => {
  const orgId = randomUUID();
  let late: Promise<unknown> | undefined;
  await assert.rejects(inOrg(orgId, () => db.write((tx) => {
    late = assert.rejects(sleep(20).then(() => add(tx, 'late').execute()), over);
    return Promise.reject(new Error('no'));
  })), /^Error: no$/);
  await late;
  await inOrg(orgId, () => db.write((tx) => add(tx, randomUUID()).execute()));
  assert.equal((await texts(orgId)).length, 1);
});

test('a command that ends while it writes is undone, since half of a write could be kept', async () => {
  const orgId = randomUUID();
  const half = Promise.withResolvers<void>();
  let floating: Promise<unknown> | undefined;
  await assert.rejects(command(orgId, async () => {
    floating = assert.rejects(db.write(async (tx) => {
      await add(tx, randomUUID()).execute();
      half.resolve();
      await sleep(50);
      await add(tx, randomUUID()).execute();
    }), over);
    await half.promise;
  }), /await each of its writes/);
  await floating;
  assert.deepEqual(await texts(orgId), []);
});
