import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { sql, type Generated } from 'kysely';
import { createDatabase, type ModuleDatabase } from '../data/create-database.ts';
import { migrate } from '../data/migrate.ts';
import { prepared } from '../data/prepared.ts';
import { provision } from '../data/provision.ts';
import { runInCall, type Call } from '../guard/call.ts';
import { testDatabase, type TestDatabase } from '../testing/postgres.ts';

interface Tables {
  mod_counts_counts: { id: string; org_id: Generated<string>; value: number };
}

const acme = randomUUID();
const umbrella = randomUUID();
const files = mkdtempSync(join(tmpdir(), 'mainstay-migrations-'));
let server: TestDatabase;
let db: ModuleDatabase<Tables>;

before(async () => {
  server = await testDatabase();
  writeFileSync(join(files, '0001-counts.sql'), `
    create table mod_counts_counts (id uuid not null, org_id uuid not null, value int not null, primary key (org_id, id));
    select mainstay.protect_tenant_table('mod_counts_counts');`);
  const place = { adminUrl: server.adminUrl, database: server.name };
  const secret = 'a'.repeat(64);
  await provision({ ...place, modules: ['mod-counts'], secret });
  await migrate({ ...place, module: 'mod-counts', migrations: pathToFileURL(files) });
  db = createDatabase<Tables>({ ...place, module: 'mod-counts', secret });
});

after(async () => {
  await db.close();
  await server.drop();
  rmSync(files, { recursive: true });
});

const inOrg = <T>(orgId: string, work: () => Promise<T>): Promise<T> => {
  const call: Call = { principal: { kind: 'module', module: 'mod-counts', orgId }, traceId: '1'.repeat(32) };
  return runInCall(call, work);
};
let asked = 0;
const read = (id: string) =>
  db.readCached({ name: 'value', by: id, reads: [id] }, async (q) => {
    asked++;
    return (await q.selectFrom('mod_counts_counts').select('value').where('id', '=', id).executeTakeFirst())?.value ?? 0;
  });
const add = (id: string) =>
  db.write(async (tx) => {
    await sql`insert into mod_counts_counts (id, value) values (${id}, 1) on conflict (org_id, id) do update set value = mod_counts_counts.value + 1`.execute(tx);
    tx.changed(id);
  });

test('an answer is read once until what it tells of changes', () =>
  inOrg(acme, async () => {
    const [id, other] = [randomUUID(), randomUUID()];
    // The first connection may take longer than an answer is kept.
    await read(randomUUID());
    asked = 0;
    assert.deepEqual(await Promise.all([read(id), read(id), read(other)]), [0, 0, 0]);
    assert.equal(asked, 2);
    await add(id);
    assert.deepEqual([await read(id), await read(id), await read(other), asked], [1, 1, 0, 3]);
  }));

test('each org has its own answers', async () => {
  const id = randomUUID();
  await inOrg(acme, () => add(id));
  assert.equal(await inOrg(acme, () => read(id)), 1);
  assert.equal(await inOrg(umbrella, () => read(id)), 0);
});

test('a transaction sees what it wrote, and nobody else does before it commits', () =>
  inOrg(acme, async () => {
    const id = randomUUID();
    const failed = db.write(async (tx) => {
      await sql`insert into mod_counts_counts (id, value) values (${id}, 7)`.execute(tx);
      tx.changed(id);
      assert.equal(await read(id), 7);
      assert.equal(await inOrg(acme, () => read(id)), 0);
      throw new Error('undone');
    });
    await assert.rejects(failed, /undone/);
    assert.equal(await read(id), 0);
  }));

test('who asks after a change was acknowledged never gets what was before, however many change and ask at once', async () => {
  const step = fc.record({ change: fc.boolean(), thing: fc.nat(2), pause: fc.nat(3) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
      const ids = [randomUUID(), randomUUID(), randomUUID()];
      const acknowledged = [0, 0, 0];
      await Promise.all(steps.map(async ({ change, thing, pause }) => {
        for (let turns = 0; turns < pause; turns++) await new Promise(setImmediate);
        await inOrg(acme, async () => {
          if (change) await add(ids[thing]!).then(() => acknowledged[thing]!++);
          const atLeast = acknowledged[thing]!;
          const value = await read(ids[thing]!);
          assert.ok(value >= atLeast, `${value} was read after ${atLeast} were acknowledged`);
        });
      }));
    }),
    { numRuns: 15 },
  );
});

test('a prepared statement takes its values each time, alone, in a transaction and with the commit', () =>
  inOrg(acme, async () => {
    const insert = prepared<Tables>()((q, p: { id: string; value: number }) => q.insertInto('mod_counts_counts').values({ id: p.id, value: p.value }));
    const above = prepared<Tables>()((q, p: { value: number; ids: string[] }) => q.selectFrom('mod_counts_counts').select('value').where('value', '>', p.value).where('id', '=', sql<string>`any(${p.ids}::uuid[])`).orderBy('value'));
    const ids = [randomUUID(), randomUUID()] as const;
    await db.write(async (tx) => {
      await insert.all(tx, { id: ids[0], value: 100 });
      tx.atCommit(insert.with({ id: ids[1], value: 200 }));
      assert.deepEqual(await above.all(tx, { value: 50, ids: [...ids] }), [{ value: 100 }]);
    });
    assert.deepEqual(await db.read((q) => above.all(q, { value: 50, ids: [...ids] })), [{ value: 100 }, { value: 200 }]);
    assert.deepEqual(await db.read((q) => above.first(q, { value: 150, ids: [...ids] })), { value: 200 });
    assert.equal(await inOrg(umbrella, () => db.read((q) => above.first(q, { value: 0, ids: [...ids] }))), undefined);
    await assert.rejects(db.read((q) => insert.all(q, { id: randomUUID(), value: 1 })), /read-only transaction/);
    await assert.rejects(db.read((q) => above.all(q, { value: 1 } as never)), /needs a value for ids/);
  }));

test('what a statement left for the commit is refused with, the transaction is refused with, and nothing is kept', () =>
  inOrg(acme, async () => {
    const id = randomUUID();
    const twice = db.write(async (tx) => {
      const row = () => tx.insertInto('mod_counts_counts').values({ id, value: 1 });
      tx.atCommit(row());
      tx.atCommit(row());
    });
    await assert.rejects(twice, /duplicate key/);
    assert.equal(await read(id), 0);
  }));
