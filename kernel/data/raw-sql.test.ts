import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { sql, type Generated } from 'kysely';
import { runInCall } from '../guard/call.ts';
import { testDatabase, type TestDatabase } from '../testing/postgres.ts';
import { createDatabase, type ModuleDatabase } from './create-database.ts';
import { migrate } from './migrate.ts';
import { rolesOf } from './names.ts';
import { provision } from './provision.ts';

interface Tables {
  mod_notes_notes: { id: Generated<string>; org_id: Generated<string>; text: string };
}

const secret = 'c'.repeat(64);
const acme = randomUUID();
const umbrella = randomUUID();
const files = mkdtempSync(join(tmpdir(), 'mainstay-migrations-'));
let server: TestDatabase;
let open: (module?: string) => ModuleDatabase<Tables>;
const opened: ModuleDatabase<Tables>[] = [];

before(async () => {
  server = await testDatabase();
  writeFileSync(join(files, '0001-notes.sql'), `
    create table mod_notes_notes (id uuid primary key default uuidv7(), org_id uuid not null, text text not null unique);
    select mainstay.protect_tenant_table('mod_notes_notes');
    create function everything() returns setof mod_notes_notes language sql return (select n from mod_notes_notes n);
    create procedure move_to(org text) language plpgsql as $$ begin execute 'set app.org_id = ' || quote_literal(org); end $$;
    create function wholly() returns bigint language plpgsql as $$ begin return (select count(*) from mod_notes_notes); end $$;`);
  const place = { adminUrl: server.adminUrl, database: server.name };
  await provision({ ...place, modules: ['mod-notes', 'mod-other'], secret });
  await migrate({ ...place, module: 'mod-notes', migrations: pathToFileURL(files) });
  open = (module = 'mod-notes') => {
    const database = createDatabase<Tables>({ ...place, module, secret, poolSize: 1 });
    opened.push(database);
    return database;
  };
  const db = open();
  for (const [org, text] of [[acme, 'ours'], [umbrella, 'theirs']] as const) await inOrg(org, () => db.write((tx) => tx.insertInto('mod_notes_notes').values({ text }).execute()));
});

after(async () => {
  await Promise.all(opened.map((database) => database.close()));
  await server.drop();
  rmSync(files, { recursive: true });
});

const inOrg = <R>(orgId: string | undefined, work: () => Promise<R>): Promise<R> => runInCall({ principal: { kind: 'module', module: 'mod-notes', orgId }, traceId: '1'.repeat(32) }, work);

type Way = 'read' | 'write';

/** Runs statements one after the other in acme's call, as a handler that ignores errors would, and gives all they answered. */
async function runRaw(db: ModuleDatabase<Tables>, way: Way, statements: readonly string[]): Promise<string> {
  const seen: unknown[] = [];
  const run = (q: Parameters<Parameters<typeof db.read>[0]>[0]) => async (text: string) => {
    // Typed as a select of the builder, since those go without a transaction.
    const { rows } = await sql.raw(text).execute(q);
    seen.push(rows);
  };
  await inOrg(acme, () => db[way](async (q) => {
    for (const text of statements) await run(q as never)(text).catch((error: Error) => seen.push(error.message));
  })).catch((error: Error) => seen.push(error.message));
  return JSON.stringify(seen);
}

const textsOf = (db: ModuleDatabase<Tables>, orgId: string) => inOrg(orgId, () => db.read(async (q) => (await q.selectFrom('mod_notes_notes').select('text').orderBy('text').execute()).map(({ text }) => text)));

/** Statements that try to see, count or change rows of another org, or to move to it. */
const attacks = (org: string): string[][] => {
  const all = `select count(*)::int as n, string_agg(text, ',') as texts from mod_notes_notes`;
  const variable = `'app' || '.' || 'org_id'`;
  return [
    [all],
    ['select * from everything()', 'select wholly()'],
    [`update mod_notes_notes set text = 'taken ' || text`],
    ['delete from mod_notes_notes returning text'],
    [`with gone as (delete from mod_notes_notes returning text), more as (insert into mod_notes_notes (text) values ('kept') returning text) select * from gone`],
    ['truncate mod_notes_notes'],
    ['truncate mod_notes_notes cascade'],
    [`insert into mod_notes_notes (text, org_id) values ('planted', '${org}')`],
    [`insert into mod_notes_notes (text) values ('theirs') on conflict (text) do update set text = excluded.text || '!' returning text`],
    [`merge into mod_notes_notes n using (select 'theirs' as text) s on n.text = s.text when matched then update set text = 'merged' when not matched by source then delete returning n.text`],
    [`update mod_notes_notes set org_id = '${org}'`],
    ['copy mod_notes_notes to stdout'],
    [`copy (select * from mod_notes_notes) to program 'cat'`],
    ['lock table mod_notes_notes in access exclusive mode'],
    [`set local app.org_id = '${org}'`, all],
    [`set app.org_id = '${org}'`, all],
    [`set session app.org_id to '${org}'`, all],
    [`select set_config('app.org_id', '${org}', true)`, all],
    [`select set_config(${variable}, '${org}', false)`, all],
    [`select set_config(U&'app.org\\005fid', '${org}', false)`, all],
    [`select c.set_config, n.text from (select set_config(${variable}, '${org}', true)) c, lateral (select text from mod_notes_notes) n`],
    [`with moved as materialized (select set_config(${variable}, '${org}', true)) select n.text from moved, mod_notes_notes n`],
    [`update pg_settings set setting = '${org}' where name = ${variable}`, all],
    [`do $$ begin execute 'set local app.' || 'org_id = ''${org}'''; end $$`, all],
    [`call move_to('${org}')`, all],
    [`prepare p as ${all}`, `select set_config(${variable}, '${org}', false)`, 'execute p'],
    [`declare c cursor with hold for select text from mod_notes_notes`, `select set_config(${variable}, '${org}', false)`, 'fetch all from c'],
    [`explain (analyze, verbose) ${all}`, `select most_common_vals::text from pg_stats where tablename = 'mod_notes_notes'`],
    [`select mainstay.enter_org('${org}', null, false)`, all],
    [`select mainstay.enter_org('${org}', '\\x00', false)`, all],
    [`select setval('mainstay.entered_org', uuid_hash_extended('${org}', 0))`, `set app.org_id = '${org}'`, all],
    [`select nextval('mainstay.entered_org')`],
    ['commit', all],
    ['rollback', `begin`, `set local app.org_id = '${org}'`, all],
    ['commit', `select mainstay.enter_org('${org}', null, false)`, all],
    ['commit and chain', `set app.org_id = '${org}'`, all],
    ['savepoint s', `set local app.org_id = '${org}'`, all, 'rollback to s', all],
    ['reset all', all],
    ['discard all', all],
    ['reset app.org_id', all],
    ['alter table mod_notes_notes disable row level security', all],
    ['alter table mod_notes_notes no force row level security', all],
    ['drop policy own_org on mod_notes_notes', all],
    [`create policy mine on mod_notes_notes using (true)`, all],
    ['set row_security = off', all],
    ['set session_replication_role = replica', all],
    [`set search_path = mod_notes, pg_temp`, all],
    [`create or replace function mainstay.current_org() returns uuid language sql return '${org}'::uuid`, all],
    [`create temp table stash as ${all}`, 'select * from stash'],
    [`create function mod_notes.x() returns int language sql return 1`],
    ...Object.values(rolesOf(server.name, 'mod-notes')).slice(0, 1).concat(rolesOf(server.name, 'mod-notes').allOrgs, 'postgres', 'mainstay', 'pg_read_all_data').flatMap((role) => [
      [`set role "${role}"`, all],
      [`set local role "${role}"`, all],
      [`set session authorization "${role}"`, all],
      [`grant "${role}" to current_user`, all],
    ]),
    ['reset role', 'reset session authorization', 'set role none', all],
    [`alter role current_user set app.org_id = '${org}'`, all],
    [`alter role current_user set row_security = off`, all],
    ['alter role current_user bypassrls', all],
  ];
};

for (const way of ['read', 'write'] as const) {
  test(`no statement of a ${way} sees, counts or changes a row of another org`, async () => {
    for (const statements of attacks(umbrella)) {
      const db = open();
      const seen = await runRaw(db, way, statements);
      assert.doesNotMatch(seen, /theirs|merged/, `${statements.join('; ')} saw ${seen}`);
      assert.doesNotMatch(seen, /"n":[2-9]|"wholly":[2-9]/, `${statements.join('; ')} counted ${seen}`);
      // Whatever it left behind, the next call of each org sees its own rows or an error, and nothing else.
      const next = await textsOf(db, umbrella).catch(() => textsOf(db, umbrella));
      assert.deepEqual(next, ['theirs'], statements.join('; '));
      await textsOf(db, acme).then((texts) => assert.ok(!texts.includes('theirs')), () => {});
      await restore();
    }
  });
}

/** Puts acme's own row back, which it may change as it likes, and what a role may set for itself. */
async function restore(): Promise<void> {
  await Promise.all(opened.splice(0).map((database) => database.close()));
  await inOrg(acme, () => open().write(async (tx) => {
    await tx.deleteFrom('mod_notes_notes').execute();
    await tx.insertInto('mod_notes_notes').values({ text: 'ours' }).execute();
    await sql.raw('alter role current_user reset all').execute(tx);
  }));
}

test('a statement that sets the org by itself sees no row, and is told why', async () => {
  const seen = await runRaw(open(), 'write', [`select set_config('app.' || 'org_id', '${umbrella}', true)`, 'select * from mod_notes_notes']);
  assert.match(seen, /a statement set the org by itself/);
});

test('only who shows the key of the deployment chooses the org', async () => {
  const seen = await runRaw(open(), 'write', [`select mainstay.enter_org('${umbrella}', sha256('x'), true)`]);
  assert.match(seen, /only the kernel chooses the org/);
});

test('the key is in no place where a statement could read it', async () => {
  const { orgKeyOf } = await import('./provision.ts');
  const key = orgKeyOf(secret).toString('hex');
  const seen = await runRaw(open(), 'write', [
    `select query from pg_stat_activity`,
    'select statement, parameter_types::text from pg_prepared_statements',
    `select prosrc from pg_proc where proname = 'enter_org'`,
    'select name, setting from pg_settings',
    `select encode(sha256('\\x${key}'), 'hex') = substring(prosrc from '[0-9a-f]{64}') as known from pg_proc where proname = 'enter_org'`,
  ]);
  assert.ok(seen.includes('"known":true'));
  assert.ok(!seen.includes(key));
});
