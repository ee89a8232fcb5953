import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Code, ConnectError } from '@connectrpc/connect';
import { sql, type Generated, type Kysely } from 'kysely';
import { reasonOf } from '../errors/define-errors.ts';
import { runInCall, type Call } from '../guard/call.ts';
import { asAdministrator, testDatabase, type TestDatabase } from '../testing/postgres.ts';
import { createDatabase, type ModuleDatabase } from './create-database.ts';
import { isUniqueViolation } from './database-errors.ts';
import { migrate } from './migrate.ts';
import { provision } from './provision.ts';
import { runInOrg } from './run-in-org.ts';

interface Tables {
  mod_notes_notes: { id: Generated<string>; org_id: Generated<string>; text: string; size: Generated<number>; day: Generated<string>; made_at: Generated<Date> };
}

const secret = 'a'.repeat(64);
const acme = randomUUID();
const umbrella = randomUUID();
const files = mkdtempSync(join(tmpdir(), 'mainstay-migrations-'));
let server: TestDatabase;
let db: ModuleDatabase<Tables>;
let other: ModuleDatabase<Tables>;

before(async () => {
  server = await testDatabase();
  writeFileSync(join(files, '0001-notes.sql'), `
    create table mod_notes_notes (id uuid primary key default uuidv7(), org_id uuid not null, text text unique, size bigint not null default 5, day date not null default '2026-03-01', made_at timestamptz not null default now());
    select mainstay.protect_tenant_table('mod_notes_notes');`);
  const place = { adminUrl: server.adminUrl, database: server.name };
  await provision({ ...place, modules: ['mod-notes', 'mod-other'], secret });
  await migrate({ ...place, module: 'mod-notes', migrations: pathToFileURL(files) });
  db = createDatabase<Tables>({ ...place, module: 'mod-notes', secret });
  other = createDatabase<Tables>({ ...place, module: 'mod-other', secret });
});

after(async () => {
  await db.close();
  await other.close();
  await server.drop();
  rmSync(files, { recursive: true });
});

const call = (over: Partial<Call> = {}): Call => ({ principal: { kind: 'module', module: 'mod-notes' }, traceId: '1'.repeat(32), ...over });
const inOrg = <T>(orgId: string | undefined, work: () => Promise<T>, over: Partial<Call> = {}): Promise<T> =>
  runInCall(call({ principal: { kind: 'module', module: 'mod-notes', orgId }, ...over }), work);
const add = (text: string) => db.write((tx) => tx.insertInto('mod_notes_notes').values({ text }).returning('id').executeTakeFirstOrThrow());
const texts = () => db.read(async (q) => (await q.selectFrom('mod_notes_notes').select('text').orderBy('text').execute()).map(({ text }) => text));
const empty = () => inOrg(undefined, () => db.write((tx) => tx.deleteFrom('mod_notes_notes').execute()), { acrossOrgs: true });

test('an org sees its own rows and no other', async () => {
  await empty();
  await inOrg(acme, () => add('acme'));
  await inOrg(umbrella, () => add('umbrella'));
  assert.deepEqual(await inOrg(acme, texts), ['acme']);
  assert.deepEqual(await inOrg(umbrella, texts), ['umbrella']);
});

test('without an org nothing is seen and nothing can be written', async () => {
  assert.deepEqual(await inOrg(undefined, texts), []);
  assert.deepEqual(await texts(), []);
  await assert.rejects(inOrg(undefined, () => add('nobody')), /row-level security|null value/);
});

test('a row of another org can not be written, changed or removed', async () => {
  await assert.rejects(inOrg(acme, () => db.write((tx) => tx.insertInto('mod_notes_notes').values({ text: 'theirs', org_id: umbrella }).execute())), /row-level security/);
  const changed = await inOrg(acme, () => db.write((tx) => tx.updateTable('mod_notes_notes').set({ text: 'mine' }).where('text', '=', 'umbrella').executeTakeFirst()));
  assert.equal(changed.numUpdatedRows, 0n);
});

test('across orgs every row is seen, and a part can run in one org', async () => {
  await inOrg(undefined, async () => {
    assert.deepEqual(await texts(), ['acme', 'umbrella']);
    assert.deepEqual(await runInOrg(umbrella, texts), ['umbrella']);
  }, { acrossOrgs: true });
});

test('no statement of a module widens its view to all orgs', async () => {
  await inOrg(acme, async () => {
    await assert.rejects(db.read((q) => sql`set local role ${sql.id(`${server.name}.mod_notes.all_orgs`)}`.execute(q)), /permission denied/);
    await assert.rejects(db.write((tx) => sql`alter table mod_notes_notes disable row level security`.execute(tx)), /must be owner/);
  });
});

test("another module's table can not be read with raw SQL", async () => {
  await assert.rejects(inOrg(acme, () => other.read((q) => sql`select * from mod_notes.mod_notes_notes`.execute(q))), /permission denied for schema mod_notes/);
  await assert.rejects(inOrg(acme, () => other.read((q) => sql`select * from graphile_worker._private_jobs`.execute(q))), /permission denied/);
});

test('a module can not make tables at run time', async () => {
  await assert.rejects(inOrg(acme, () => db.write((tx) => sql`create table mod_notes_more (id int)`.execute(tx))), /permission denied/);
  await assert.rejects(inOrg(acme, () => db.write((tx) => sql`create table public.more (id int)`.execute(tx))), /permission denied/);
});

test('a read can not write', async () => {
  await assert.rejects(inOrg(acme, () => db.read((q) => q.insertInto('mod_notes_notes').values({ text: 'x' }).execute())), /read-only transaction/);
});

test('a read can not write in a roundabout way either', async () => {
  const hidden = db.read((q) => q.with('added', (w) => w.insertInto('mod_notes_notes').values({ text: 'x' }).returning('id')).selectFrom('added').selectAll().execute());
  await assert.rejects(hidden, /read-only transaction/);
  await assert.rejects(db.read((q) => sql`delete from mod_notes_notes`.execute(q)), /read-only transaction/);
});

test('one connection that serves orgs in turn shows each its own rows', async () => {
  const narrow = createDatabase<Tables>({ adminUrl: server.adminUrl, database: server.name, module: 'mod-notes', secret, poolSize: 1 });
  const count = async (q: Kysely<Tables>) => (await q.selectFrom('mod_notes_notes').select('text').execute()).map(({ text }) => text);
  for (const [org, expected] of [[acme, ['acme']], [undefined, []], [umbrella, ['umbrella']], [umbrella, ['umbrella']], [acme, ['acme']]] as const) {
    assert.deepEqual(await inOrg(org, () => narrow.read(count)), expected);
    assert.deepEqual(await inOrg(org, () => narrow.write(count)), expected);
    await assert.rejects(inOrg(org, () => narrow.read((q) => sql`select 1 / 0`.execute(q))), /division by zero/);
  }
  await narrow.close();
});

test('a statement that sets an org by itself does not set it for the next call', async () => {
  const narrow = createDatabase<Tables>({ adminUrl: server.adminUrl, database: server.name, module: 'mod-notes', secret, poolSize: 1 });
  const read = () => inOrg(acme, () => narrow.read(async (q) => (await q.selectFrom('mod_notes_notes').select('text').execute()).map(({ text }) => text)));
  assert.deepEqual(await read(), ['acme']);
  await inOrg(acme, () => narrow.write((tx) => sql`select set_config('app.org_id', ${umbrella}, false)`.execute(tx)));
  assert.deepEqual(await read(), ['acme']);
  await narrow.close();
});

test('a call whose time ran out is told so', async () => {
  const error = await inOrg(acme, () => db.read((q) => sql`select pg_sleep(5)`.execute(q)), { signal: AbortSignal.timeout(50) }).catch((thrown: unknown) => thrown);
  assert.equal(ConnectError.from(error).code, Code.DeadlineExceeded);
});

test('a statement that the database stops for its length is told so', async () => {
  const slow = inOrg(acme, () => db.write(async (tx) => {
    await sql`set local statement_timeout = 20`.execute(tx);
    await sql`select pg_sleep(60)`.execute(tx);
  }));
  await assert.rejects(slow, (error) => reasonOf(error) === 'kernel.DATABASE_TIMEOUT');
});

test('behind a thousand who wait for a connection nobody waits: the next is told that the database is busy', async () => {
  const narrow = createDatabase<Tables>({ adminUrl: server.adminUrl, database: server.name, module: 'mod-notes', secret, poolSize: 1 });
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  const { promise: held, resolve: hold } = Promise.withResolvers<void>();
  const holder = inOrg(acme, () => narrow.read(async (q) => {
    await sql`select 1`.execute(q);
    hold();
    await released;
  }));
  await held;
  const ask = () => inOrg(acme, () => narrow.read((q) => sql<{ one: number }>`select 1 as one`.execute(q)));
  const waiting = Promise.all(Array.from({ length: 1000 }, ask));
  await assert.rejects(Promise.race([ask(), sleep(5000)]), (error) => reasonOf(error) === 'kernel.DATABASE_BUSY');
  release();
  await holder;
  assert.equal((await waiting).length, 1000);
  assert.equal((await ask()).rows[0]!.one, 1);
  await narrow.close();
});

test('a write that throws leaves nothing', async () => {
  await assert.rejects(inOrg(acme, () => db.write(async (tx) => {
    await tx.insertInto('mod_notes_notes').values({ text: 'gone' }).execute();
    throw new Error('no');
  })), /^Error: no$/);
  assert.deepEqual(await inOrg(acme, texts), ['acme']);
});

test('a statement that failed and was caught does not let the rest commit in silence', async () => {
  await assert.rejects(inOrg(acme, () => db.write(async (tx) => {
    await tx.insertInto('mod_notes_notes').values({ text: 'half' }).execute();
    await tx.insertInto('mod_notes_notes').values({ text: 'acme' }).execute().catch(() => {});
  })), (error) => isUniqueViolation(error));
  assert.deepEqual(await inOrg(acme, texts), ['acme']);
});

test('reads and writes inside of a write belong to it', async () => {
  await assert.rejects(inOrg(acme, () => db.write(async () => {
    await add('inner');
    assert.deepEqual(await texts(), ['acme', 'inner']);
    throw new Error('outer fails');
  })), /outer fails/);
  assert.deepEqual(await inOrg(acme, texts), ['acme']);
});

test('a unique violation is told from other errors', async () => {
  await inOrg(acme, async () => {
    const error = await add('acme').catch((thrown: unknown) => thrown);
    assert.ok(isUniqueViolation(error));
    assert.ok(isUniqueViolation(error, 'mod_notes_notes_text_key'));
    assert.ok(!isUniqueViolation(error, 'another'));
  });
});

test('values arrive in the types that the table declares', async () => {
  const row = await inOrg(acme, () => db.read((q) => q.selectFrom('mod_notes_notes').selectAll().executeTakeFirstOrThrow()));
  assert.equal(row.size, 5);
  assert.equal(row.day, '2026-03-01');
  assert.ok(row.made_at instanceof Date);
  await assert.rejects(inOrg(acme, () => db.read((q) => sql`select 9007199254740993::bigint`.execute(q))), /does not fit into a number/);
});

test('an aborted write stops in the middle of a statement and commits nothing', async () => {
  const abort = new AbortController();
  const start = Date.now();
  setTimeout(() => abort.abort(), 50);
  const error = await inOrg(acme, () => db.write(async (tx) => {
    await tx.insertInto('mod_notes_notes').values({ text: 'aborted' }).execute();
    await sql`select pg_sleep(5)`.execute(tx);
  }), { signal: abort.signal }).catch((thrown: unknown) => thrown);
  assert.equal(ConnectError.from(error).code, Code.Canceled);
  assert.ok(Date.now() - start < 2000);
  assert.deepEqual(await inOrg(acme, texts), ['acme']);
});

test('a call that was aborted before its commit commits nothing', async () => {
  const abort = new AbortController();
  await assert.rejects(inOrg(acme, () => db.write(async (tx) => {
    await tx.insertInto('mod_notes_notes').values({ text: 'late' }).execute();
    abort.abort();
  }), { signal: abort.signal }));
  assert.deepEqual(await inOrg(acme, texts), ['acme']);
});

test('of two transactions that lock each other out both succeed in the end', async () => {
  await inOrg(acme, async () => {
    const [first, second] = [await add('first'), await add('second')];
    let turns = 0;
    const bothHaveOne = Promise.withResolvers<void>();
    const raise = (ids: string[]) => db.write(async (tx) => {
      for (const id of ids) {
        await tx.updateTable('mod_notes_notes').set((eb) => ({ size: eb('size', '+', 1) })).where('id', '=', id).execute();
        if (id === ids[0] && ++turns === 2) bothHaveOne.resolve();
        await bothHaveOne.promise;
      }
    });
    await Promise.all([raise([first.id, second.id]), raise([second.id, first.id])]);
    assert.equal(turns, 3);
    const sizes = await db.read((q) => q.selectFrom('mod_notes_notes').select('size').where('id', 'in', [first.id, second.id]).execute());
    assert.deepEqual(sizes.map(({ size }) => size), [7, 7]);
    await db.write((tx) => tx.deleteFrom('mod_notes_notes').where('id', 'in', [first.id, second.id]).execute());
  });
});

test('what is done in several orgs within a transaction is done, however few connections there are', async () => {
  const few = createDatabase<Tables>({ adminUrl: server.adminUrl, database: server.name, module: 'mod-notes', secret, poolSize: 1 });
  const inBoth = () => few.write(async (tx) => {
    await tx.selectFrom('mod_notes_notes').select('id').limit(1).execute();
    for (const orgId of [acme, umbrella]) await runInOrg(orgId, () => few.write((inner) => inner.insertInto('mod_notes_notes').values({ text: randomUUID() }).returning('id').execute()));
  });
  try {
    await Promise.all(Array.from({ length: 4 }, () => inOrg(undefined, inBoth)));
    for (const orgId of [acme, umbrella]) assert.equal((await inOrg(orgId, texts)).filter((text) => text.length === 36).length, 4);
  } finally {
    await few.close();
    await empty();
    await inOrg(acme, () => add('acme'));
    await inOrg(umbrella, () => add('umbrella'));
  }
});

test('many calls at once keep their orgs apart', async () => {
  const seen = await Promise.all(Array.from({ length: 200 }, (_, index) => inOrg(index % 2 ? acme : umbrella, texts)));
  seen.forEach((rows, index) => assert.deepEqual(rows, [index % 2 ? 'acme' : 'umbrella']));
});

test('a table that gets a column while connections are open can still be read and written', async () => {
  const all = () => inOrg(acme, () => db.read((q) => q.selectFrom('mod_notes_notes').selectAll().execute()));
  const change = () => inOrg(acme, () => db.write((tx) => tx.updateTable('mod_notes_notes').set({ size: 1 }).returningAll().executeTakeFirstOrThrow()));
  for (let turn = 0; turn < 3; turn++) await Promise.all([all(), all(), all(), change(), change()]);
  writeFileSync(join(files, '0002-more.sql'), 'alter table mod_notes_notes add more text');
  await migrate({ adminUrl: server.adminUrl, database: server.name, module: 'mod-notes', migrations: pathToFileURL(files) });
  const [rows] = await Promise.all([all(), all(), all(), change(), change()]);
  assert.ok('more' in rows[0]!);
});

test('a server that is away is told as unavailable', async () => {
  const gone = createDatabase<Tables>({ adminUrl: 'postgresql://x@%2Fnowhere/x', database: 'x', module: 'mod-notes', secret });
  const error = await inOrg(acme, () => gone.read((q) => q.selectFrom('mod_notes_notes').selectAll().execute())).catch((thrown: unknown) => thrown);
  assert.equal(ConnectError.from(error).code, Code.Unavailable);
  await gone.close();
});

test('a connection that the server closed is replaced', async () => {
  await inOrg(acme, texts);
  await assert.rejects(inOrg(acme, () => db.write((tx) => sql`select pg_terminate_backend(pg_backend_pid())`.execute(tx))), (error) => ConnectError.from(error).code === Code.Unavailable);
  assert.deepEqual(await inOrg(acme, texts), ['acme']);
});

test('a plan that was kept of an empty table reads no whole table when it has grown', async () => {
  await empty();
  await asAdministrator(server, (client) => client.query('vacuum analyze mod_notes.mod_notes_notes'));
  const find = (text: string) => db.read((q) => q.selectFrom('mod_notes_notes').select('text').where('text', '=', text).execute());
  const findInside = (text: string) => db.write((tx) => tx.selectFrom('mod_notes_notes').select('text').where('text', '=', text).execute());
  const findOften = async () => {
    for (let times = 0; times < 12; times++) await inOrg(acme, async () => [await find(`grown ${times}`), await findInside(`grown ${times}`)]);
  };
  const readRows = async () => {
    // Tells the statistics of its sessions.
    await db.close();
    db = createDatabase<Tables>({ adminUrl: server.adminUrl, database: server.name, module: 'mod-notes', secret });
    const { rows } = await asAdministrator(server, (client) => client.query<{ read: string }>(`select seq_tup_read as read from pg_stat_user_tables where relname = 'mod_notes_notes'`));
    return Number(rows[0]!.read);
  };
  const before = await readRows();
  await findOften();
  await asAdministrator(server, (client) => client.query(`insert into mod_notes.mod_notes_notes (org_id, text) select $1, 'grown ' || n from generate_series(0, 5000) n`, [acme]));
  await findOften();
  assert.equal(await readRows() - before, 0);
});
