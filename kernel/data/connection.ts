import pg from 'pg';
import { parse } from 'pg-connection-string';
import { StartError } from '../module/start-error.ts';
import { databaseError } from './database-errors.ts';

/** A database server's administrator, as a connection string: the embedded server's, or `DATABASE_URL`. */
export type AdminUrl = string;

/** The database that a connection string names. Throws a `StartError` if it names none. */
export function databaseOf(url: AdminUrl): string {
  const { database } = parse(url);
  if (!database) throw new StartError(['DATABASE_URL names no database; let it end with a slash and the name of one, which is made if it is absent']);
  return database;
}

/** The connection settings of `url`, for another database or account of the same server. */
export function connectionConfig(url: AdminUrl, other: { database?: string; user?: string; password?: string } = {}): pg.ClientConfig {
  const { host, port, user, password, database, ssl } = parse(url);
  return {
    host: host ?? 'localhost',
    port: port ? Number(port) : 5432,
    user: other.user ?? user,
    password: other.password ?? password,
    database: other.database ?? database ?? 'postgres',
    ssl: ssl as pg.ClientConfig['ssl'],
    keepAlive: true,
    connectionTimeoutMillis: 10_000,
  };
}

/** Runs `work` with one connection, and closes it. */
export async function withClient<T>(config: pg.ClientConfig, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(config);
  // The query that was under way reports the loss; without a listener it would end the process.
  client.on('error', () => {});
  await client.connect().catch((error: unknown) => { throw databaseError(error); });
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}
