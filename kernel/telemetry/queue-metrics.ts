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

const SQL = `
  with tasks as (
    select split_part(t.identifier, '/', 1) as module, case when t.identifier like '%/on:%' then 'event' else 'job' end as kind,
           j.locked_at, j.attempts, j.max_attempts, j.run_at, j.created_at, j.attempts >= j.max_attempts and j.locked_at is null as dead
      from graphile_worker._private_jobs j join graphile_worker._private_tasks t on t.id = j.task_id
  )
  select module, kind,
         count(*) filter (where not dead and locked_at is null and attempts = 0 and run_at <= now())::int as ready,
         count(*) filter (where not dead and locked_at is null and attempts = 0 and run_at > now())::int as scheduled,
         count(*) filter (where locked_at is not null)::int as running,
         count(*) filter (where not dead and locked_at is null and attempts > 0)::int as retrying,
         count(*) filter (where dead)::int as dead,
         coalesce(extract(epoch from now() - min(case when kind = 'event' then created_at else run_at end) filter (where not dead and run_at <= now())), 0)::float8 as age
    from tasks group by module, kind order by module, kind`;
