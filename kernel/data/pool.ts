import pg from 'pg';
import { databaseError, databaseErrors } from './database-errors.ts';

/** Most connections of one module for what sees every org. */
export const ALL_ORGS_POOL_SIZE = 2;

/** Most connections of one module for what is written apart from the transaction of a command, and as many for that in every org. */
export const APART_POOL_SIZE = 2;

/**
 * How many connections each of `modules` modules of a process may hold for usual work, so that all of them together, with
 * half as many for commands that stream, are no more than `connections`, as far as one each allows.
 */
export const poolSize = (modules: number, connections = 84): number =>
  Math.max(1, Math.min(8, Math.floor((connections / Math.max(1, modules) - ALL_ORGS_POOL_SIZE - 2 * APART_POOL_SIZE) / 1.5)));

/** Most connections of one module for commands that stream: these may last, and must leave others some. */
export const streamsPoolSize = (poolSize: number): number => Math.ceil(poolSize / 2);

/** What each connection shows to choose its org. */
export const orgKeys = new WeakMap<pg.PoolClient, Buffer>();

/**
 * How every connection of a module is opened. Its statements are pipelined. `ofOneOrg`: reads by indexes wherever it can,
 * since the plan of a statement is kept, and one that was made while a table was empty would scan it when it is large.
 */
export function clientSettings(config: pg.ClientConfig, ofOneOrg: boolean): pg.ClientConfig {
  const settings: pg.ClientConfig & { pipeline: boolean } = {
    ...config,
    pipeline: true,
    statement_timeout: 30_000,
    idle_in_transaction_session_timeout: 60_000,
    // Lets the server notice that a caller who gave up has gone, in the middle of a statement.
    // The rest overrules what a role may have set for itself, for good.
    options: '-c client_connection_check_interval=1000 -c row_security=on -c app.org_id= -c TimeZone=UTC -c DateStyle=ISO' + (ofOneOrg ? ' -c enable_seqscan=off' : ''),
  };
  return settings;
}

/** A pool that opens connections when they are needed and closes those that idle. */
export function createPool(settings: pg.ClientConfig, max: number, orgKey: Buffer): pg.Pool {
  const pool = new pg.Pool({ ...settings, max, idleTimeoutMillis: 30_000, connectionTimeoutMillis: 10_000, allowExitOnIdle: true });
  pool.on('connect', (client) => orgKeys.set(client, orgKey));
  return surviveLoss(pool);
}

/** A connection that dies is replaced at the next use, and tells the statement that was under way; nobody else needs to hear. */
export function surviveLoss(pool: pg.Pool): pg.Pool {
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}

/** How many may wait for a connection of a module at a time: what comes when so many wait would hardly get one in time. */
export const MOST_WAITING = 1000;

/** Takes a connection; waits for one at most ten seconds, and not at all behind a thousand others. */
export async function takeClient(pool: pg.Pool): Promise<pg.PoolClient> {
  if (pool.waitingCount >= MOST_WAITING) throw databaseErrors.DATABASE_BUSY();
  try {
    return await pool.connect();
  } catch (error) {
    throw databaseError(error);
  }
}
