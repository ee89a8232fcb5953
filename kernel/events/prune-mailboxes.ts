import type pg from 'pg';

/** How long what was announced and handled is kept if a deployment does not say. */
export const KEEP_DAYS = 30;

/**
 * Deletes what modules announced and handled more than `keepDays` days ago, sagas that ended more than 30 days ago, and the records of commands older than 7 days, with
 * the answers kept for repeats: where there is an audit, only what it has. A module whose schema somebody dropped has none.
 */
export async function pruneMailboxes(pool: pg.Pool, audited: boolean, keepDays = KEEP_DAYS): Promise<void> {
  const { rows } = await pool.query<{ schema: string }>('select schema from mainstay.modules where to_regnamespace(schema) is not null order by schema');
  for (const { schema } of rows) {
    await pool.query(`delete from ${schema}.${schema}_outbox where time < now() - $1::int * interval '1 day'`, [keepDays]);
    await pool.query(`delete from ${schema}.${schema}_inbox where time < now() - $1::int * interval '1 day'`, [keepDays]);
    await pool.query(`delete from ${schema}.${schema}_commands where time < now() - interval '7 days' and (collected or not $1)`, [audited]);
    await pool.query(`delete from ${schema}.${schema}_sagas where ended_at < now() - interval '30 days'`);
    await pool.query(`delete from ${schema}.${schema}_saga_events where time < now() - interval '30 days'`);
  }
}
