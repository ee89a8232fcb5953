import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { codeOf } from '../data/database-errors.ts';
import { identifier, literal } from '../data/names.ts';
import { movedTables, type MovedTable } from './moved-tables.ts';

/** Rows that changed, by table: the keys of each. */
export type Changes = Map<string, unknown[]>;

const OPERATIONS = { insert: ['new'], update: ['old', 'new'], delete: ['old'] } as const;
const LOCK_MILLISECONDS = 200;

const triggerOf = (operation: string) => `mainstay_moving_${operation}`;

/** From here on every change of rows of these slots is noted. When it resolves, all that was written before is committed. */
export async function captureChanges(client: pg.Client, tables: readonly MovedTable[], slots: readonly number[]): Promise<void> {
  for (const table of tables) await insist(client, capturing(table, slots));
}

/** Notes no more, and forgets what was noted. */
export async function endCapture(client: pg.Client): Promise<void> {
  for (const { sql } of await movedTables(client)) {
    const { rows } = await client.query<{ tgname: string }>("select tgname from pg_trigger where tgrelid = $1::regclass and starts_with(tgname, 'mainstay_moving_')", [sql]);
    if (rows.length > 0) await insist(client, rows.map(({ tgname }) => `drop trigger ${identifier(tgname)} on ${sql}`).join(';'));
  }
  await client.query('delete from mainstay.slot_changes');
}

function capturing({ sql, org, key, isRecords }: MovedTable, slots: readonly number[]): string {
  const operations = isRecords ? (['insert'] as const) : (['insert', 'update', 'delete'] as const);
  return operations.map((operation) => {
    const isMoving = OPERATIONS[operation].map((row) => `mainstay.slot_of(${row}.${identifier(org)}) in (${slots.join(', ')})`).join(' or ');
    const when = isRecords ? `new.idempotency is not null and ${isMoving}` : isMoving;
    return `create or replace trigger ${triggerOf(operation)} after ${operation} on ${sql} for each row when (${when}) execute function mainstay.note_change(${key.map(literal).join(', ')})`;
  }).join(';');
}

/** A lock on a table waits for those who write it, and others wait behind it: it is asked for briefly, again and again. */
async function insist(client: pg.Client, sql: string): Promise<void> {
  for (;;) {
    try {
      await client.query(`begin; set local lock_timeout = ${LOCK_MILLISECONDS}; ${sql}; commit`);
      return;
    } catch (error) {
      await client.query('rollback');
      if (codeOf(error) !== '55P03' && codeOf(error) !== '40P01') throw error;
      await sleep(LOCK_MILLISECONDS * (0.5 + Math.random()));
    }
  }
}

/** Takes the notes that a transaction sees; they are gone when it commits. */
export async function takeChanges(client: pg.Client): Promise<Changes> {
  const { rows } = await client.query<{ name: string; keys: unknown[] }>(`
    with taken as (delete from mainstay.slot_changes returning name, key)
    select name, jsonb_agg(distinct key) as keys from taken group by name`);
  return new Map(rows.map(({ name, keys }) => [name, keys]));
}
