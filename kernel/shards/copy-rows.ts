import { pipeline } from 'node:stream/promises';
import type pg from 'pg';
import { from, to } from 'pg-copy-streams';
import type { Changes } from './capture-changes.ts';
import { isOfSlots, listed, type MovedTable } from './moved-tables.ts';

/** One text for each value on both sides; and no trigger or foreign key acts on what is only carried over. */
const SETTINGS = "set timezone = 'UTC'; set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set extra_float_digits = 1; set bytea_output = 'hex'; set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set enable_seqscan = on";

/** Prepares a connection to read or write rows that move. Throws if its account may not write them as they are. */
export async function prepareCarrier(client: pg.Client): Promise<void> {
  await client.query(SETTINGS);
  const { rows } = await client.query<{ may: boolean }>('select rolsuper as may from pg_roles where rolname = current_user');
  if (!rows[0]!.may) throw new Error('slots are moved by an administrator who is a superuser of both databases: let DATABASE_URL name one');
  await client.query('set session_replication_role = replica');
}

/** Adds all rows of these slots in a table, as the source's transaction sees them, to that of the target. Gives their number. */
export async function copyRows(source: pg.Client, target: pg.Client, table: MovedTable, slots: readonly number[]): Promise<number> {
  const columns = listed(table.columns);
  const into = table.isRecords ? 'pg_temp.mainstay_arriving' : table.sql;
  await target.query('begin');
  if (table.isRecords) await target.query(`create temp table mainstay_arriving (like ${table.sql}) on commit drop`);
  const copying = target.query(from(`copy ${into} (${columns}) from stdin`));
  await pipeline(source.query(to(`copy (select ${columns} from ${table.sql} as t where ${isOfSlots(table, `'{${slots.join(',')}}'`, 't')}) to stdout`)), copying);
  if (table.isRecords) await target.query(`update ${into} set collected = true; insert into ${table.sql} select * from ${into} on conflict do nothing`);
  await target.query('commit');
  return copying.rowCount ?? 0;
}

const BATCH = 500;

/** Brings rows that changed to what the source's transaction sees, in the target's transaction. Gives their number. */
export async function copyChanges(source: pg.Client, target: pg.Client, tables: readonly MovedTable[], slots: readonly number[], changes: Changes): Promise<number> {
  const changed = tables.flatMap((table) => (changes.get(table.name) ?? []).map((key) => ({ table, key })));
  // All old rows go before any new one comes: a value that is unique may have gone from one row to another.
  for (const [table, keys] of batches(changed)) if (!table.isRecords) await target.query(`delete from ${table.sql} as t using ${keysOf(table)} where ${isKey(table)}`, [JSON.stringify(keys)]);
  for (const [table, keys] of batches(changed)) {
    const { rows } = await source.query<{ row: string }>(`select t::text as row from ${table.sql} as t join ${keysOf(table)} on ${isKey(table)} where ${isOfSlots(table, '$2', 't')}`, [JSON.stringify(keys), slots]);
    if (rows.length > 0) await target.query(inserting(table), [rows.map(({ row }) => row)]);
  }
  return changed.length;
}

const keysOf = (table: MovedTable) => `jsonb_populate_recordset(null::${table.sql}, $1::jsonb) as k`;
const isKey = (table: MovedTable) => `(${listed(table.key, 't')}) = (${listed(table.key, 'k')})`;

function inserting(table: MovedTable): string {
  const columns = table.isRecords ? table.columns.map((column) => (column === 'collected' ? 'true' : listed([column], 'r'))).join(', ') : listed(table.columns, 'r');
  return `insert into ${table.sql} (${listed(table.columns)}) overriding system value select ${columns} from unnest($1::text[]) as given (text), lateral (select (given.text::${table.sql}).*) as r${table.isRecords ? ' on conflict do nothing' : ''}`;
}

function* batches(changed: readonly { table: MovedTable; key: unknown }[]): Generator<[table: MovedTable, keys: unknown[]]> {
  for (const [table, of] of Map.groupBy(changed, ({ table: each }) => each)) {
    for (let at = 0; at < of.length; at += BATCH) yield [table, of.slice(at, at + BATCH).map(({ key }) => key)];
  }
}

/** Blocks of a table, of 8 KiB, that are looked through at a time. */
const BLOCKS = 256;

/**
 * Removes all rows of these slots, a part of each table at a time. Records that the audit does not have yet stay until it
 * has: gives the number of those.
 */
export async function removeRows(client: pg.Client, tables: readonly MovedTable[], slots: readonly number[], pause: () => Promise<void> = async () => {}): Promise<number> {
  for (const { sql, org, isRecords } of tables) {
    const { rows } = await client.query<{ blocks: number }>("select (pg_relation_size($1::regclass) / current_setting('block_size')::int)::int as blocks", [sql]);
    for (let block = 0; block < rows[0]!.blocks; block += BLOCKS) {
      await client.query(`delete from ${sql} as t where ctid >= $2::tid and ctid < $3::tid and ${isOfSlots({ org, isRecords: false }, '$1', 't')}${isRecords ? ' and collected' : ''}`, [slots, `(${block},0)`, `(${block + BLOCKS},0)`]);
      await pause();
    }
  }
  let left = 0;
  for (const { sql, org, isRecords } of tables) {
    if (isRecords) left += (await client.query<{ left: number }>(`select count(*)::int as left from ${sql} as t where not collected and ${isOfSlots({ org, isRecords: false }, '$1', 't')}`, [slots])).rows[0]!.left;
  }
  return left;
}
