import type pg from 'pg';
import type { DeadLetter } from '../module/operations.ts';

const DEAD = 'jobs.attempts >= jobs.max_attempts and jobs.locked_at is null';

/** What failed for good, the newest first; at most `limit`, and only those queued before the one with the id `before`. */
export async function listDeadLetters(pool: pg.Pool, limit = 100, before?: string): Promise<DeadLetter[]> {
  // The queue does not keep when a job failed, only when its next try would have been.
  const { rows } = await pool.query(`
    select jobs.id::text, split_part(tasks.identifier, '/', 1) as module, substr(tasks.identifier, strpos(tasks.identifier, '/') + 1) as job,
           jobs.attempts, coalesce(jobs.last_error, '') as error, jobs.created_at as "queuedAt", jobs.run_at - exp(least(jobs.attempts, 10)) * interval '1 second' as "failedAt"
      from graphile_worker._private_jobs as jobs join graphile_worker._private_tasks as tasks on tasks.id = jobs.task_id
      where ${DEAD} and ($2::bigint is null or jobs.id < $2::bigint) order by jobs.id desc limit $1`, [limit, before]);
  return rows;
}

/** Runs a dead letter again, with all its attempts. Returns whether there was one of this id. */
export async function retryDeadLetter(pool: pg.Pool, id: string): Promise<boolean> {
  const { rowCount } = await pool.query(`
    with revived as (
      update graphile_worker._private_jobs as jobs set attempts = 0, run_at = now(), last_error = null where id = $1::bigint and ${DEAD} returning id
    ) select pg_notify('jobs:insert', '{"count":1}') from revived`, [id]);
  return rowCount === 1;
}

/** Removes a dead letter. Returns whether there was one of this id. */
export async function discardDeadLetter(pool: pg.Pool, id: string): Promise<boolean> {
  const { rowCount } = await pool.query(`delete from graphile_worker._private_jobs as jobs where id = $1::bigint and ${DEAD}`, [id]);
  return rowCount === 1;
}
