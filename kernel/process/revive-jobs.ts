import type { PoolClient } from 'pg';
import type pg from 'pg';

const LOCK_CLASS = 0x6a6f6273;

/** Shows other processes that a worker lives, for as long as its connection does. */
export async function showAlive(client: PoolClient, workerId: string): Promise<void> {
  await client.query('select pg_advisory_lock($1, hashtext($2))', [LOCK_CLASS, workerId]);
}

/**
 * Gives the jobs that a killed process was working on back to the queue. graphile-worker by itself waits four hours.
 * A job taken in the last two seconds is left alone: its worker may be too new to have shown itself.
 */
export async function reviveJobs(pool: pg.Pool, ownWorkerId: string): Promise<void> {
  await pool.query({ name: 'revive_jobs', text: SQL, values: [ownWorkerId, LOCK_CLASS] });
}

const SQL = `
  with dead as (
    select holders.id from (select distinct locked_by as id from graphile_worker._private_jobs where locked_at < now() - interval '2 seconds') as holders
      where holders.id <> $1 and not exists (
        select from pg_locks where locktype = 'advisory' and granted and objsubid = 2 and classid = $2::bigint::oid
          and objid = (hashtext(holders.id)::bigint & 4294967295)::oid and database = (select oid from pg_database where datname = current_database()))
  ), jobs as (
    update graphile_worker._private_jobs as jobs set locked_by = null, locked_at = null from dead where jobs.locked_by = dead.id
  )
  update graphile_worker._private_job_queues as queues set locked_by = null, locked_at = null from dead where queues.locked_by = dead.id`;
