import type pg from 'pg';

/** Deletes what modules announced and handled more than 30 days ago. */
export async function pruneMailboxes(pool: pg.Pool): Promise<void> {
  const { rows } = await pool.query<{ schema: string }>('select schema from mainstay.modules order by schema');
  for (const { schema } of rows) {
    await pool.query(`delete from ${schema}.${schema}_outbox where time < now() - interval '30 days'`);
    await pool.query(`delete from ${schema}.${schema}_inbox where time < now() - interval '30 days'`);
  }
}
