import type pg from 'pg';

/**
 * Deletes what modules announced and handled more than 30 days ago, sagas that ended then, and the records of commands older than 7 days, with
 * the answers kept for repeats: where there is an audit, only what it has. A module whose schema somebody dropped has none.
 */
export async function pruneMailboxes(pool: pg.Pool, audited: boolean): Promise<void> {
  const { rows } = await pool.query<{ schema: string }>('select schema from mainstay.modules where to_regnamespace(schema) is not null order by schema');
  for (const { schema } of rows) {
    await pool.query(`delete from ${schema}.${schema}_outbox where time < now() - interval '30 days'`);
    await pool.query(`delete from ${schema}.${schema}_inbox where time < now() - interval '30 days'`);
    await pool.query(`delete from ${schema}.${schema}_commands where time < now() - interval '7 days' and (collected or not $1)`, [audited]);
    await pool.query(`delete from ${schema}.${schema}_sagas where ended_at < now() - interval '30 days'`);
    await pool.query(`delete from ${schema}.${schema}_saga_events where time < now() - interval '30 days'`);
  }
}
