import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { Logger } from '../telemetry/log.ts';
import type { QueuePool } from './queue-pool.ts';

const LOCK_CLASS = 0x6a6f6273;
const REVIVE_MILLISECONDS = 5000;
const RECONNECT_MILLISECONDS = 300;
/** How long the others have to show themselves after the database was away. */
const SHOW_MILLISECONDS = 2000;

export interface ReviverOptions {
  /** The queue's database, as its administrator. */
  connection: pg.ClientConfig;
  pool: QueuePool;
  workerId: string;
  log: Logger;
}

/**
 * Shows other processes that this one's worker lives, on a connection of its own, and gives jobs back to the queue that
 * nobody works on: those of a killed process, and those of which it was never told because the connection was lost in
 * that moment. graphile-worker by itself waits four hours. Resolves when it could be seen, to what ends it.
 */
export async function keepReviving(options: ReviverOptions): Promise<{ stop(): Promise<void> }> {
  const end = new AbortController();
  const shown = Promise.withResolvers<void>();
  const reviving = (async () => {
    for (let first = true; !end.signal.aborted; first = false) {
      await reviveWhileConnected(options, end.signal, first, shown.resolve).catch((error: unknown) => options.log.debug({ err: error }, 'the connection that watches over jobs was lost'));
      await pause(RECONNECT_MILLISECONDS, end.signal);
    }
  })();
  await Promise.race([shown.promise, sleep(SHOW_MILLISECONDS, undefined, { ref: false })]);
  return { stop: () => { end.abort(); return reviving; } };
}

async function reviveWhileConnected({ connection, pool, workerId, log }: ReviverOptions, end: AbortSignal, first: boolean, shown: () => void): Promise<void> {
  const client = new pg.Client(connection);
  const lost = new AbortController();
  client.on('error', () => {}).on('end', () => lost.abort());
  const over = AbortSignal.any([end, lost.signal]);
  try {
    await client.connect();
    await client.query('select pg_advisory_lock_shared($1, hashtext($2))', [LOCK_CLASS, workerId]);
    shown();
    if (!first) await pause(SHOW_MILLISECONDS, over);
    for (; !over.aborted; await pause(REVIVE_MILLISECONDS, over)) {
      const { rowCount } = await client.query(SQL, [workerId, LOCK_CLASS, [...pool.held]]);
      if (rowCount) log.info({ jobs: rowCount }, 'jobs that nobody worked on were given back to the queue');
    }
  } finally {
    await client.end().catch(() => {});
  }
}

const pause = (milliseconds: number, signal: AbortSignal): Promise<void> => sleep(milliseconds, undefined, { signal, ref: false }).catch(() => {});

// A job taken in the last two seconds is left alone: its worker may be too new to have shown itself, or about to hear of it.
const SQL = `
  with dead as (
    select holders.id from (select distinct locked_by as id from graphile_worker._private_jobs where locked_at < now() - interval '2 seconds') as holders
      where holders.id <> $1 and not exists (
        select from pg_locks where locktype = 'advisory' and granted and objsubid = 2 and classid = $2::bigint::oid
          and objid = (hashtext(holders.id)::bigint & 4294967295)::oid and database = (select oid from pg_database where datname = current_database()))
  ), jobs as (
    update graphile_worker._private_jobs as jobs set locked_by = null, locked_at = null
      where locked_at < now() - interval '2 seconds' and (locked_by in (select id from dead) or (locked_by = $1 and id <> all($3::bigint[]))) returning id, job_queue_id
  ), queues as (
    update graphile_worker._private_job_queues as queues set locked_by = null, locked_at = null
      where locked_by in (select id from dead) or (locked_by = $1 and id in (select job_queue_id from jobs))
  )
  select from jobs`;
