import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import fc from 'fast-check';
import { sql, type Generated, type RawBuilder } from 'kysely';
import { runInCall, type Call } from '../guard/call.ts';
import { asAdministrator, testDatabase, type TestDatabase } from '../testing/postgres.ts';
import { until } from '../testing/until.ts';
import { createDatabase, type ModuleDatabase } from './create-database.ts';
import { isUniqueViolation } from './database-errors.ts';
import { migrate } from './migrate.ts';
import { provision } from './provision.ts';

interface Tables {
  mod_lanes_notes: { id: Generated<string>; org_id: Generated<string>; text: string };
}

const files = mkdtempSync(join(tmpdir(), 'mainstay-migrations-'));
let server: TestDatabase;
let db: ModuleDatabase<Tables>;

before(async () => {
  server = await testDatabase();
  writeFileSync(join(files, '0001-notes.sql'), `
    create table mod_lanes_notes (id uuid primary key default uuidv7(), org_id uuid not null, text text not null unique);
    select mainstay.protect_tenant_table('mod_lanes_notes');`);
  const place = { adminUrl: server.adminUrl, database: server.name };
  await provision({ ...place, modules: ['mod-lanes'], secret: 'b'.repeat(64) });
  await migrate({ ...place, module: 'mod-lanes', migrations: pathToFileURL(files) });
  db = createDatabase<Tables>({ ...place, module: 'mod-lanes', secret: 'b'.repeat(64) });
});

after(async () => {
  await db.close();
  await server.drop();
  rmSync(files, { recursive: true });
});

const inOrg = <T>(orgId: string, work: (call: Call) => Promise<T>): Promise<T> => {
  const call: Call = { principal: { kind: 'module', module: 'mod-lanes', orgId }, traceId: '1'.repeat(32) };
  return runInCall(call, () => work(call));
};

/** A command whose statements all travel with the commit. */
const command = (orgId: string, texts: readonly (string | RawBuilder<string>)[]) => inOrg(orgId, async (call) => {
  const scope = db.beginCommand(call);
  try {
    await scope.write(async (tx) => { for (const text of texts) tx.atCommit(tx.insertInto('mod_lanes_notes').values({ text })); });
    await scope.commit([]);
  } finally {
    await scope.rollback();
  }
});

const texts = (orgId: string) => inOrg(orgId, () => db.read(async (q) => (await q.selectFrom('mod_lanes_notes').select(['org_id', 'text']).execute())));

test('whoever travels behind whom sees and writes the rows of their own org, also behind one that fails', async () => {
  const step = fc.record({ org: fc.nat(5), kind: fc.constantFrom('read', 'write', 'fail', 'read') });
  await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 120 }), async (steps) => {
    const orgs = Array.from({ length: 6 }, () => randomUUID());
    const taken = randomUUID();
    await command(orgs[0]!, [taken]);
    const written = orgs.map((_, org) => (org === 0 ? [taken] : []) as string[]);
    await Promise.all(steps.map(async ({ org, kind }) => {
      const orgId = orgs[org]!;
      if (kind === 'read') {
        for (const row of await texts(orgId)) assert.equal(row.org_id, orgId);
      } else if (kind === 'write') {
        const text = randomUUID();
        written[org]!.push(text);
        await command(orgId, [text]);
      } else {
        // Nothing of it may be kept, and what comes behind it on the connection must not suffer.
        await assert.rejects(command(orgId, [randomUUID(), taken, randomUUID()]), (error) => isUniqueViolation(error));
      }
    }));
    for (const [org, orgId] of orgs.entries()) assert.deepEqual((await texts(orgId)).map(({ text }) => text).sort(), written[org]!.sort());
  }), { numRuns: 15 });
});

test('who comes behind a transaction that has entered their org and fails later is in that org', async () => {
  const taken = randomUUID();
  await command(randomUUID(), [taken]);
  for (let round = 0; round < 20; round++) {
    const [orgId, text] = [randomUUID(), randomUUID()];
    const refused = assert.rejects(command(orgId, [sql<string>`${randomUUID()}::text || pg_sleep(0.03)::text`, taken]), (error) => isUniqueViolation(error));
    await new Promise((resolve) => setTimeout(resolve, 5 + Math.random() * 15));
    await command(orgId, [text]);
    await refused;
    assert.deepEqual((await texts(orgId)).map((row) => row.text), [text]);
  }
});

test('a statement that is held up does not hold up those that come after it', async () => {
  const orgId = randomUUID();
  await command(orgId, ['held']);
  await asAdministrator(server, async (client) => {
    await client.query('begin; lock table mod_lanes.mod_lanes_notes in access exclusive mode');
    const held = Array.from({ length: 8 }, () => texts(orgId));
    const free = inOrg(orgId, () => db.read((q) => q.selectNoFrom((eb) => eb.lit(1).as('one')).execute()));
    await new Promise((resolve) => setTimeout(resolve, 100));
    const late = inOrg(orgId, () => db.read((q) => q.selectNoFrom((eb) => eb.lit(2).as('two')).execute()));
    assert.deepEqual(await late, [{ two: 2 }]);
    await client.query('rollback');
    for (const rows of await Promise.all(held)) assert.equal(rows.length, 1);
    await free;
  });
});

test('those that wait behind what is held up go elsewhere as soon as that is known', async () => {
  const orgId = randomUUID();
  await command(orgId, ['behind']);
  const free = (n: number) => inOrg(orgId, () => db.read((q) => q.selectNoFrom((eb) => eb.lit(n).as('n')).execute()));
  await asAdministrator(server, async (client) => {
    await client.query('begin; lock table mod_lanes.mod_lanes_notes in access exclusive mode');
    const reads = db.pools().find(({ purpose }) => purpose === 'pipelined reads')!.pool;
    // All at once: where they came one by one, the first could be known to be held up before the last came.
    const held = Array.from({ length: reads.options.max * 12 + 1 }, () => texts(orgId));
    await until(() => reads.waitingCount > 0);
    const waiting = Array.from({ length: 4 }, (_, n) => free(n));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await free(5);
    assert.equal((await Promise.all(waiting)).length, 4);
    await client.query('rollback');
    await Promise.all(held);
  });
});

test('after its connections were cut it goes on with others', async () => {
  const orgId = randomUUID();
  await command(orgId, [randomUUID()]);
  await asAdministrator(server, (client) => client.query(`select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`));
  // Whoever meets one that is not known to be lost yet fails; nobody does for long.
  await until(() => command(orgId, [randomUUID()]).then(() => true, () => false));
  await until(() => texts(orgId).then(() => true, () => false));
  assert.ok((await texts(orgId)).length >= 2);
  await command(orgId, [randomUUID()]);
});
