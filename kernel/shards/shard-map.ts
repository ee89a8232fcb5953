import type pg from 'pg';
import { connectionConfig, withClient, type AdminUrl } from '../data/connection.ts';
import { provision } from '../data/provision.ts';
import { lockShape } from '../data/shape-lock.ts';
import { StartError } from '../module/start-error.ts';
import { firstShardOf, formatSlots, SLOTS } from './slots.ts';

/** A database, with its server's administrator. */
export interface Place {
  adminUrl: AdminUrl;
  database: string;
}

// Which shard of a process owns which slot. Only the first assignment is decided by it: after that each shard's own
// database says what it owns, and this follows. Moves stand here, so that one that was cut off is found again.
const SCHEMA = `
  create schema if not exists mainstay;
  create table if not exists mainstay.shard_map (
    process text not null,
    slot smallint not null,
    shard smallint not null,
    primary key (process, slot)
  );
  create table if not exists mainstay.slot_moves (
    id uuid primary key,
    process text not null,
    slots smallint[] not null,
    to_shard smallint not null,
    state text not null default 'RUNNING',
    moved smallint[] not null default '{}',
    rows_copied bigint not null default 0,
    longest_hold_ms real not null default 0,
    problem text not null default '',
    create_time timestamptz(3) not null default now(),
    end_time timestamptz(3)
  );
  create unique index if not exists slot_moves_one on mainstay.slot_moves (process) where end_time is null`;

/** Makes the deployment's own database, if it is absent, and the tables in it that tell of shards. */
export async function prepareShardMap(main: Place, secret: string): Promise<void> {
  await provision({ ...main, modules: [], secret });
  await withClient(connectionConfig(main.adminUrl, { database: main.database }), async (client) => {
    const { rows } = await client.query("select to_regclass('mainstay.slot_moves_one') is not null as made");
    if (rows[0].made) return;
    await lockShape(client);
    await client.query(`begin; ${SCHEMA}; commit`);
  });
}

/**
 * The slots that a shard owns by the map. The first to ask decides for all shards: each gets one range. Throws a
 * `StartError` if the map names shards that the placement does not have: their orgs would be lost from sight.
 */
export async function assignSlots(client: pg.Client, process: string, shard: { index: number; count: number }): Promise<number[]> {
  const slots = Array.from({ length: SLOTS }, (_, slot) => slot);
  await client.query(`
    insert into mainstay.shard_map (process, slot, shard) select $1, * from unnest($2::smallint[], $3::smallint[])
      on conflict do nothing`, [process, slots, slots.map((slot) => firstShardOf(slot, shard.count))]);
  const { rows } = await client.query<{ slot: number; shard: number }>('select slot, shard from mainstay.shard_map where process = $1 order by slot', [process]);
  const beyond = rows.filter((row) => row.shard >= shard.count);
  if (beyond.length > 0) {
    const most = Math.max(...beyond.map((row) => row.shard));
    throw new StartError([`${process} has ${shard.count} shards by its placement, and slots ${formatSlots(beyond.map(({ slot }) => slot))} lie in shards above ${shard.count - 1}: say shards: ${most + 1}, and move them with ./mainstay shards move SLOTS --to SHARD before there are fewer`]);
  }
  return rows.filter((row) => row.shard === shard.index).map(({ slot }) => slot);
}
