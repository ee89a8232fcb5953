import type pg from 'pg';
import type { HandlerLag } from '../module/operations.ts';
import { TASKS } from '../telemetry/queue-metrics.ts';
import type { MetricFamily } from '../telemetry/metrics.ts';

/** How far each handler of events is behind, of the queue of one database; of one module if it is named. */
export async function readHandlerLag(pool: Pick<pg.Pool, 'query'>, module?: string): Promise<HandlerLag[]> {
  const { rows } = await pool.query<HandlerLag>({ name: 'handler_lag', text: SQL, values: [module ?? null] });
  return rows;
}

export async function lagMetrics(pool: Pick<pg.Pool, 'query'>): Promise<MetricFamily[]> {
  const lags = await readHandlerLag(pool);
  const labels = ({ module, handler }: HandlerLag) => ({ module, handler });
  return [
    { name: 'mainstay.events.lag', type: 'gauge', unit: 's', help: 'How old the oldest event is that a handler has not dealt with.', samples: lags.map((lag) => ({ labels: labels(lag), value: lag.lagSeconds })) },
    { name: 'mainstay.events.waiting', type: 'gauge', unit: '{event}', help: 'Events that wait for a handler.', samples: lags.map((lag) => ({ labels: labels(lag), value: lag.waiting })) },
  ];
}

const SQL = `${TASKS}
  select handlers.module, handlers.handler, handlers.event_type as "eventType",
         (coalesce(available.due, 0) + coalesce(available.later, 0) + coalesce(held.running, 0))::int as "waiting",
         coalesce(tried.due + tried.later, 0)::int as retrying,
         coalesce(tried.dead, 0)::int as "deadLetters",
         coalesce(extract(epoch from now() - least(held.queued, (select created_at from graphile_worker._private_jobs where id = available.first))), 0)::float8 as "lagSeconds"
    from mainstay.subscriptions as handlers left join tasks on tasks.identifier = handlers.module || '/on:' || handlers.handler
    left join available on available.task_id = tasks.id left join tried on tried.task_id = tasks.id left join held on held.task_id = tasks.id
    where $1::text is null or handlers.module = $1
    order by handlers.module, handlers.handler`;
