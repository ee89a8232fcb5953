import type pg from 'pg';
import type { MetricFamily } from './metrics.ts';

interface Row {
  module: string;
  kind: 'event' | 'job';
  ready: number;
  scheduled: number;
  running: number;
  retrying: number;
  dead: number;
  age: number;
}

const states = ['ready', 'scheduled', 'running', 'retrying', 'dead'] as const;

/** How many jobs and deliveries of events wait, run and have failed, and how long the oldest that could run has waited. */
export async function queueMetrics(pool: Pick<pg.Pool, 'query'>): Promise<MetricFamily[]> {
  const { rows } = await pool.query<Row>({ name: 'queue_metrics', text: SQL });
  return [
    { name: 'mainstay.queue.tasks', type: 'gauge', unit: '{task}', help: 'Jobs and deliveries of events in the queue.', samples: rows.flatMap((row) => states.map((state) => ({ labels: { module: row.module, kind: row.kind, state }, value: row[state] }))) },
    { name: 'mainstay.queue.oldest', type: 'gauge', unit: 's', help: 'How long the oldest task that is due has waited; for events, the lag of their delivery.', samples: rows.map(({ module, kind, age }) => ({ labels: { module, kind }, value: age })) },
  ];
}

// What waits is counted in the queue's own index alone, so what was tried before is in `available` too, and the age of
// events is that of the first job due: a retry and a turn to wait for move `run_at`, while ids grow as jobs are queued.
/** The tasks that modules have, and what waits, was tried and runs of each. */
export const TASKS = `
  with available as (
    select task_id, count(*) filter (where run_at <= now()) as due, count(*) filter (where run_at > now()) as later,
           min(run_at) filter (where run_at <= now()) as since, min(id) filter (where run_at <= now()) as first
      from graphile_worker._private_jobs where is_available = true group by task_id
  ), tried as (
    select task_id, count(*) filter (where attempts < max_attempts and run_at <= now()) as due,
           count(*) filter (where attempts < max_attempts and run_at > now()) as later, count(*) filter (where attempts >= max_attempts) as dead
      from graphile_worker._private_jobs where attempts > 0 and locked_at is null group by task_id
  ), held as (
    select task_id, count(*) as running, min(run_at) filter (where run_at <= now()) as since, min(created_at) filter (where run_at <= now()) as queued
      from graphile_worker._private_jobs where locked_at is not null group by task_id
  ), tasks as (
    select id, identifier, split_part(identifier, '/', 1) as module, case when identifier like '%/on:%' then 'event' else 'job' end as kind from graphile_worker._private_tasks
  )`;

const SQL = `${TASKS}
  select module, kind,
         sum(coalesce(available.due, 0) - coalesce(tried.due, 0))::int as ready,
         sum(coalesce(available.later, 0) - coalesce(tried.later, 0))::int as scheduled,
         coalesce(sum(held.running), 0)::int as running,
         coalesce(sum(tried.due + tried.later), 0)::int as retrying,
         coalesce(sum(tried.dead), 0)::int as dead,
         coalesce(extract(epoch from now() - min(case kind
           when 'event' then least(held.queued, (select created_at from graphile_worker._private_jobs where id = available.first))
           else least(held.since, available.since) end)), 0)::float8 as age
    from tasks left join available on available.task_id = tasks.id left join tried on tried.task_id = tasks.id left join held on held.task_id = tasks.id
    where available.task_id is not null or tried.task_id is not null or held.task_id is not null
    group by module, kind order by module, kind`;
