import type pg from 'pg';
import { ALL_SLOTS, SLOT_LOCK } from './shard-sql.ts';

const WAIT_MILLISECONDS = 250;

/** Keeps everybody from writing in the slots, once those who do have ended; for at most a quarter of a second, else it fails with `55P03` or `57014`. To the end of the transaction. */
export async function holdSlots(source: pg.Client, slots: readonly number[]): Promise<void> {
  await source.query(`set local lock_timeout = ${WAIT_MILLISECONDS}; set local statement_timeout = ${WAIT_MILLISECONDS}`);
  const locks = [...slots, ALL_SLOTS].sort((one, other) => one - other);
  await source.query('select pg_advisory_xact_lock($1, slot) from unnest($2::int[]) as given (slot)', [SLOT_LOCK, locks]);
  await source.query('set local statement_timeout = 0');
}

/** Takes the jobs of the slots, and the deliveries of their events, out of the queue; gives each as JSON. */
export async function takeJobs(source: pg.Client, slots: readonly number[]): Promise<{ slot: number; job: string }[]> {
  // One that runs now runs again where it goes, and takes effect once: what it did is in the inbox, which moves too. That
  // try does not count. Its worker finds nothing to finish, so the queue that it kept to itself is let go here.
  const { rows } = await source.query<{ slot: number; job: string }>(`
    with taken as (
      delete from graphile_worker._private_jobs where mainstay.slot_of_job(payload) = any($1::int[]) returning *
    ), let_go as (
      update graphile_worker._private_job_queues as queues set locked_at = null, locked_by = null
        where id in (select job_queue_id from taken where locked_at is not null) and locked_by in (select locked_by from taken)
    )
    select mainstay.slot_of_job(taken.payload) as slot, json_build_object('task', tasks.identifier, 'queue', queues.queue_name, 'payload', taken.payload, 'priority', taken.priority,
        'run_at', taken.run_at, 'attempts', greatest(taken.attempts - (taken.locked_at is not null)::int, 0), 'max_attempts', taken.max_attempts, 'last_error', taken.last_error,
        'created_at', taken.created_at, 'key', taken.key, 'revision', taken.revision, 'flags', taken.flags)::text as job
      from taken join graphile_worker._private_tasks as tasks on tasks.id = taken.task_id left join graphile_worker._private_job_queues as queues on queues.id = taken.job_queue_id
      order by taken.id`, [slots]);
  return rows;
}

/** Says that all of the slots is there once their owner gives them away, and lays their jobs where they wait for that; those of an earlier try are forgotten. */
export async function announceArrival(target: pg.Client, move: string, slots: readonly number[], jobs: readonly { slot: number; job: string }[]): Promise<void> {
  await target.query('insert into mainstay.arriving_slots (slot, move) select slot, $2 from unnest($1::smallint[]) as given (slot) on conflict (slot) do update set move = excluded.move', [slots, move]);
  await target.query('delete from mainstay.arriving_jobs where slot = any($1::int[])', [slots]);
  await target.query('insert into mainstay.arriving_jobs (slot, job) select * from unnest($1::smallint[], $2::jsonb[])', [jobs.map(({ slot }) => slot), jobs.map(({ job }) => job)]);
}

/** Gives the slots away, with the end of the transaction: from there on nobody writes or reads them here. */
export async function giveAway(source: pg.Client, slots: readonly number[], move: string, toShard: number): Promise<void> {
  await source.query(`
    with gone as (delete from mainstay.slots where slot = any($1::int[]) returning slot)
    insert into mainstay.left_slots (slot, move, to_shard) select slot, $2, $3 from gone
      on conflict (slot) do update set move = excluded.move, to_shard = excluded.to_shard`, [slots, move, toShard]);
}

/** Takes slots that were given away, and queues their jobs. Nothing happens to those that it took before: they may be another's by now. */
export async function takeOver(target: pg.Client, move: string, slots: readonly number[]): Promise<void> {
  await target.query('begin');
  try {
    const { rows } = await target.query<{ slot: number }>('delete from mainstay.arriving_slots where slot = any($1::int[]) and move = $2 returning slot', [slots, move]);
    const arrived = rows.map(({ slot }) => slot);
    await target.query('insert into mainstay.slots (slot) select * from unnest($1::int[])', [arrived]);
    await target.query('delete from mainstay.left_slots where slot = any($1::int[])', [arrived]);
    await queueJobs(target, arrived);
    await target.query('commit');
  } catch (error) {
    await target.query('rollback').catch(() => {});
    throw error;
  }
}

/** A key that another org's job has here is left to that one. */
async function queueJobs(target: pg.Client, slots: readonly number[]): Promise<void> {
  await target.query(`
    create temp table arrived on commit drop as
      with taken as (delete from mainstay.arriving_jobs where slot = any('{${slots.join(',')}}'::int[]) returning job)
      select r.* from taken, lateral jsonb_to_record(job) as r (task text, queue text, payload json, priority smallint, run_at timestamptz, attempts smallint, max_attempts smallint, last_error text,
        created_at timestamptz, key text, revision int, flags jsonb);
    insert into graphile_worker._private_tasks (identifier) select distinct task from arrived on conflict do nothing;
    insert into graphile_worker._private_job_queues (queue_name) select distinct queue from arrived where queue is not null on conflict do nothing;
    insert into graphile_worker._private_jobs (job_queue_id, task_id, payload, priority, run_at, attempts, max_attempts, last_error, created_at, key, revision, flags)
      select queues.id, tasks.id, payload, priority, run_at, attempts, max_attempts, last_error, created_at,
             case when not exists (select from graphile_worker._private_jobs as jobs where jobs.key = arrived.key) then key end, revision, flags
        from arrived join graphile_worker._private_tasks as tasks on tasks.identifier = task left join graphile_worker._private_job_queues as queues on queues.queue_name = queue;
    select pg_notify('jobs:insert', json_build_object('r', random()::text, 'count', count(*))::text) from arrived`);
}
