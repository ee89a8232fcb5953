import { slotOf } from '@mainstay/kernel/administration';
import type pg from 'pg';
import { OperatorError } from '../controller/operator-error.ts';
import type { Arrival, Convoy, Source } from './carry-rows.ts';

/** A job or the delivery of an event, as it waits in a queue. */
interface QueuedJob {
  id: string;
  task: string;
  /** Of the delivery of an event the module that announced it, such as `/mod-promist`. */
  source: string | null;
  org: string | null;
  /** What tells it from others of its task, where it belongs to no org. */
  name: string | null;
  /** All of it, as JSON. */
  job: string;
}

const batch = 500;

// A try that was cut off does not count.
const fields = `'task', tasks.identifier, 'queue', queues.queue_name, 'payload', jobs.payload, 'priority', jobs.priority, 'run_at', jobs.run_at,
  'attempts', greatest(jobs.attempts - (jobs.locked_at is not null)::int, 0), 'max_attempts', jobs.max_attempts, 'last_error', jobs.last_error,
  'created_at', jobs.created_at, 'revision', jobs.revision, 'flags', jobs.flags`;
const queued = 'graphile_worker._private_jobs as jobs join graphile_worker._private_tasks as tasks on tasks.id = jobs.task_id left join graphile_worker._private_job_queues as queues on queues.id = jobs.job_queue_id';

/** Every job of a queue, in the order in which they came. */
export async function* jobsIn(client: pg.Client): AsyncGenerator<QueuedJob[]> {
  for (let last = '0'; ; ) {
    const { rows } = await client.query<QueuedJob>(`
      select jobs.id::text, tasks.identifier as task, jobs.payload ->> 'source' as source, coalesce(jobs.payload ->> 'orgId', jobs.payload ->> 'orgid') as org,
             coalesce(jobs.key, jobs.payload ->> 'id') as name, json_build_object(${fields}, 'key', jobs.key)::text as job
        from ${queued} where jobs.id > $1 order by jobs.id limit ${batch}`, [last]);
    if (rows.length === 0) return;
    yield rows;
    last = rows.at(-1)!.id;
  }
}

/** The module in whose database a job waits: a delivery goes from the module that announced the event, in turn with its later ones. */
export function ownerOf({ task, source }: Pick<QueuedJob, 'task' | 'source'>, known: ReadonlySet<string>): string {
  const [module, job] = task.split('/') as [string, string?];
  const announcer = source?.replace(/^\//, '');
  return job?.startsWith('on:') && announcer !== undefined && known.has(announcer) ? announcer : module;
}

export interface JobsOfConvoy extends Pick<Convoy, 'modules' | 'sources'> {
  /** Every module of the deployment. */
  known: ReadonlySet<string>;
}

/**
 * Queues the jobs of the convoy's modules in an arrival, with their tries and times, in the transaction that is under way,
 * and compares each with what was sent. One that is no org's goes to each shard, for the orgs there; of several shards it
 * comes once. Gives their number.
 */
export async function carryJobs({ modules, sources, known }: JobsOfConvoy, arrival: Arrival): Promise<number> {
  const ofNoOrg = new Set<string>();
  let count = 0;
  for (const { client } of sources) {
    for await (const jobs of jobsIn(client)) {
      const going = jobs.filter((job) => modules.includes(ownerOf(job, known)) && goesTo(job, arrival) && isFirstOf(job, ofNoOrg));
      await queue(arrival.client, going.map(({ job }) => job));
      count += going.length;
    }
  }
  return count;
}

function goesTo({ org, task }: QueuedJob, { slots, isFirst }: Arrival): boolean {
  if (!slots) return true;
  if (org !== null) return slots.includes(slotOf(org));
  return isFirst || !task.includes('/on:');
}

function isFirstOf({ org, task, name }: QueuedJob, seen: Set<string>): boolean {
  if (org !== null || name === null) return true;
  const known = seen.has(`${task} ${name}`);
  seen.add(`${task} ${name}`);
  return !known;
}

// A key that another job has here is left to that one, as where slots move.
const inserting = `
  with arrived as (
    select r.*, place from unnest($1::text[]) with ordinality as given (job, place), lateral json_to_record(job::json) as r (task text, queue text, payload json, priority smallint, run_at timestamptz,
      attempts smallint, max_attempts smallint, last_error text, created_at timestamptz, key text, revision int, flags jsonb)
  )
  insert into graphile_worker._private_jobs (job_queue_id, task_id, payload, priority, run_at, attempts, max_attempts, last_error, created_at, key, revision, flags)
    select queues.id, tasks.id, payload, priority, run_at, attempts, max_attempts, last_error, created_at,
           case when not exists (select from graphile_worker._private_jobs as jobs where jobs.key = arrived.key) then key end, revision, flags
      from arrived join graphile_worker._private_tasks as tasks on tasks.identifier = task left join graphile_worker._private_job_queues as queues on queues.queue_name = queue
     order by place returning id::text`;

async function queue(client: pg.Client, jobs: readonly string[]): Promise<void> {
  if (jobs.length === 0) return;
  await client.query(`insert into graphile_worker._private_tasks (identifier) select distinct job::json ->> 'task' from unnest($1::text[]) as given (job) on conflict do nothing`, [jobs]);
  await client.query(`insert into graphile_worker._private_job_queues (queue_name) select distinct job::json ->> 'queue' from unnest($1::text[]) as given (job) where job::json ->> 'queue' is not null on conflict do nothing`, [jobs]);
  const { rows } = await client.query<{ id: string }>(inserting, [jobs]);
  const { rows: found } = await client.query<{ job: string }>(`select json_build_object(${fields}, 'key', jobs.key)::text as job from ${queued} where jobs.id = any ($1::bigint[]) order by jobs.id`, [rows.map(({ id }) => id)]);
  const withoutKey = (job: string) => job.slice(0, job.lastIndexOf(', "key" :'));
  const sent = jobs.map(withoutKey).sort();
  if (found.length !== sent.length || found.map(({ job }) => withoutKey(job)).sort().some((job, at) => job !== sent[at])) throw new OperatorError('the jobs that came are not those that were sent, so nothing was moved');
}

/** Takes the jobs of modules out of a queue that is not theirs. */
export async function removeJobs(client: pg.Client, modules: readonly string[], known: ReadonlySet<string>): Promise<void> {
  for await (const jobs of jobsIn(client)) {
    const gone = jobs.filter((job) => modules.includes(ownerOf(job, known)));
    await client.query('delete from graphile_worker._private_jobs where id = any ($1::bigint[])', [gone.map(({ id }) => id)]);
  }
}

/** Throws an `OperatorError` if the queue of a database that will go holds what goes nowhere. */
export async function requireNoStranger({ client, database }: Source, moving: readonly string[], known: ReadonlySet<string>): Promise<void> {
  for await (const jobs of jobsIn(client)) {
    const stranger = jobs.find((job) => !['kernel', ...moving].includes(ownerOf(job, known)));
    if (stranger) throw new OperatorError(`a job ${stranger.task} waits in the database ${database}, and its module goes nowhere: name that module in the deployment file, or discard the job, and try again`);
  }
}
