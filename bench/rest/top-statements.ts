import pg from 'pg';

/** A statement that PostgreSQL ran, without its values, and how long it took altogether. */
export interface Statement {
  query: string;
  calls: number;
  milliseconds: number;
}

/** Lets a server keep statistics of its statements from its next start on. */
export const loadStatistics = (url: string): Promise<unknown> => ask(url, "alter system set shared_preload_libraries = 'pg_stat_statements'");

/** Makes the statistics readable, in a server that was started again. */
export const openStatistics = (url: string): Promise<unknown> => ask(url, 'create extension if not exists pg_stat_statements');

/** Forgets what ran so far. */
export const forgetStatements = (url: string): Promise<unknown> => ask(url, 'select pg_stat_statements_reset()');

/** The statements that took longest since they were forgotten. */
export const topStatements = async (url: string, count: number): Promise<Statement[]> =>
  (await ask<Statement>(url, `select query, sum(calls)::int as calls, sum(total_exec_time) as milliseconds from pg_stat_statements
    where query not like '%pg_stat_statements%' group by query order by milliseconds desc limit ${count}`)).rows;

async function ask<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<pg.QueryResult<Row>> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await client.query<Row>(sql);
  } finally {
    await client.end();
  }
}
