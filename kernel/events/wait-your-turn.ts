import type { Job } from 'graphile-worker';
import type { QueuePool } from '../process/queue-pool.ts';

/** Says that a delivery was put off because an earlier event of its aggregate is not through; not a failure. */
export class Postponed extends Error {
  override name = 'Postponed';
}

/**
 * Keeps the events of one aggregate in order: puts a delivery off until the earlier ones of the same handler are
 * through or dead. The queue alone does not, since it lets the next job pass while a failed one waits for its retry.
 * Throws `Postponed` after it rescheduled the job without counting the attempt.
 */
export async function waitYourTurn(pool: QueuePool, job: Job, event: { id: string; subject: string }): Promise<void> {
  const { rowCount } = await pool.query({ name: 'wait_your_turn', text: SQL, values: [job.id, job.job_queue_id, job.task_id, event.subject, event.id] });
  if (!rowCount) return;
  pool.letGo(job.id);
  throw new Postponed(`job ${job.id} waits for an earlier event of ${event.subject}`);
}

/** Puts a delivery off for a second without counting the attempt, and throws `Postponed`: whoever it is for is away. */
export async function putOff(pool: QueuePool, job: Job): Promise<never> {
  await pool.query({ name: 'put_off', text: PUT_OFF, values: [job.id] });
  pool.letGo(job.id);
  throw new Postponed(`job ${job.id} waits for a process that is away`);
}

const PUT_OFF = `
  with put_off as (
    update graphile_worker._private_jobs set run_at = now() + interval '1 second', attempts = attempts - 1, locked_by = null, locked_at = null where id = $1 returning job_queue_id
  )
  update graphile_worker._private_job_queues as queues set locked_by = null, locked_at = null
    from put_off where queues.id = put_off.job_queue_id`;

// An event's id tells its time (UUID version 7). By the hash of its subject an index finds the few that matter.
const SQL = `
  with earlier as (
    select run_at from graphile_worker._private_jobs
      where job_queue_id = $2 and hashtext(payload ->> 'subject') = hashtext($4) and payload ->> 'subject' = $4 and id <> $1 and task_id = $3 and (payload ->> 'id')::uuid < $5::uuid and (locked_at is not null or attempts < max_attempts)
      order by run_at desc limit 1
  ), put_off as (
    update graphile_worker._private_jobs set run_at = greatest(earlier.run_at + interval '1 millisecond', now() + interval '100 milliseconds'), attempts = attempts - 1, locked_by = null, locked_at = null
      from earlier where id = $1 returning job_queue_id
  )
  update graphile_worker._private_job_queues as queues set locked_by = null, locked_at = null
    from put_off where queues.id = put_off.job_queue_id`;
