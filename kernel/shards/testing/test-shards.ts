import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { ModuleDatabase } from '../../data/create-database.ts';
import { createDatabase } from '../../data/create-database.ts';
import { migrate } from '../../data/migrate.ts';
import type { Call } from '../../guard/call.ts';
import { testDatabase, type TestDatabase } from '../../testing/postgres.ts';
import type { OwnedSlots } from '../owned-slots.ts';
import { provisionShard } from '../provision-shard.ts';

export const secret = 'a'.repeat(64);
export const module = 'mod-notes';

const MIGRATION = `
  create table mod_notes_notes (
    id uuid primary key, org_id uuid not null, parent uuid references mod_notes_notes on delete cascade, text text not null, version int not null default 1,
    length int not null generated always as (length(text)) stored, time timestamptz not null default clock_timestamp());
  create index on mod_notes_notes (org_id, id);
  select mainstay.protect_tenant_table('mod_notes_notes');
  create table mod_notes_tags (org_id uuid not null, note uuid not null references mod_notes_notes on delete cascade, "the tag" text not null, primary key (note, "the tag"));
  select mainstay.protect_tenant_table('mod_notes_tags');
  create table mod_notes_things (id uuid primary key, org_id uuid not null, name text not null, count int not null, end_time timestamptz);
  select mainstay.protect_tenant_table('mod_notes_things');
  create table mod_notes_kinds (name text primary key)`;

export interface Tables {
  mod_notes_things: { id: string; org_id: string; name: string; count: number; end_time: Date | null };
  mod_notes_notes: { id: string; org_id: string; parent: string | null; text: string; version: number };
  mod_notes_tags: { org_id: string; note: string; 'the tag': string };
  mod_notes_kinds: { name: string };
}

export interface TestShard {
  index: number;
  place: TestDatabase;
  owned: OwnedSlots;
  db: ModuleDatabase<Tables>;
}

export interface TestShards {
  main: TestDatabase;
  shards: TestShard[];
  migrations: URL;
  /** Makes a shard that the map may or may not know. */
  add(index: number, count: number): Promise<TestShard>;
}

/** Shards of a process with one module, each with a database of its own. */
export async function testShards(t: Pick<TestContext, 'after'>, count: number): Promise<TestShards> {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-shards-'));
  const migrations = pathToFileURL(`${join(folder, 'migrations')}/`);
  mkdirSync(migrations);
  writeFileSync(new URL('0001-notes.sql', migrations), MIGRATION);
  const main = await testDatabase();
  const made: TestShard[] = [];
  t.after(async () => {
    await Promise.all(made.map(async ({ place, owned, db }) => {
      await Promise.all([owned.close(), db.close()]);
      await place.drop();
    }));
    await main.drop();
    rmSync(folder, { recursive: true });
  });
  const add = async (index: number, of: number): Promise<TestShard> => {
    const place = await testDatabase();
    const { adminUrl, name: database } = place;
    const owned = await provisionShard({ adminUrl, database, main: { adminUrl: main.adminUrl, database: main.name }, process: module, shard: { index, count: of }, modules: [module], secret });
    await migrate({ adminUrl, database, module, migrations });
    const shard = { index, place, owned, db: createDatabase<Tables>({ adminUrl, database, module, secret, sharded: true, poolSize: 4 }) };
    made.push(shard);
    return shard;
  };
  const shards = await Promise.all(Array.from({ length: count }, (_, index) => add(index, count)));
  return { main, shards, migrations, add };
}

/** The id of an org in a slot. */
export const orgIn = (slot: number, one = 0): string => `0199a0b0-0000-7000-8000-${one.toString(16).padStart(10, '0')}${slot.toString(16).padStart(2, '0')}`;

/** A call in an org, or an operator's over all of them. */
export const callIn = (orgId: string, acrossOrgs = false): Call => ({
  principal: { kind: 'account', accountId: '0199a0b0-0000-7000-8000-0000000000aa', sessionId: '0199a0b0-0000-7000-8000-0000000000ab', orgId, roles: [] } as never, acrossOrgs, traceId: '0'.repeat(32),
});
