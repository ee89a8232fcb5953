import pg from 'pg';

/** Gives a person so many promises, as if made over time, and gives a thousand of their ids. */
export async function fill(url: string, table: string, { orgId, accountId }: { orgId: string; accountId: string }, promises: number): Promise<string[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(`insert into ${table} (org_id, owner_id, title, description, made_at, due_time, tags)
      select $1, $2, 'Promise number ' || n, 'What, why and how', now() - n * interval '1 minute', now() + n * interval '1 hour', array['bench', 'group ' || n % 10] from generate_series(1, ${promises}) n`, [orgId, accountId]);
    await client.query(`analyze ${table}`);
    const { rows } = await client.query<{ id: string }>(`select id from ${table} where owner_id = $1 order by md5(id::text) limit 1000`, [accountId]);
    return rows.map(({ id }) => id);
  } finally {
    await client.end();
  }
}
