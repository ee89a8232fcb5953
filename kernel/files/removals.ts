import { sql, type Kysely } from 'kysely';
import type pg from 'pg';

const lockClass = 0x66696c65;

/** Keeps contents from being removed until the connection ends: every row that is seen from now on has its content. */
export const holdRemovals = (client: pg.Client): Promise<unknown> => client.query('select pg_advisory_lock($1, 0)', [lockClass]);

/** Whether contents may be removed, until the end of the transaction. Not while a backup reads them: try again later. */
export async function mayRemoveContents(tx: Kysely<any>): Promise<boolean> {
  const { rows } = await sql<{ free: boolean }>`select pg_try_advisory_xact_lock_shared(${lockClass}, 0) as free`.execute(tx);
  return rows[0]!.free;
}
