import type pg from 'pg';
import { schemaOf, literal } from '../data/names.ts';
import type { ReplayedHandler, ReplayRequest } from '../module/operations.ts';
import { cloudEventSql } from './cloud-event.ts';
import { MAX_ATTEMPTS } from './effects.ts';

const BATCH = 1000;

interface Handler {
  module: string;
  handler: string;
  event_type: string;
}

/**
 * Queues what the modules of a database announced in a period once more for handlers, in the order in which it was
 * announced; those of one aggregate wait for their turn as ever, new ones behind them. A handler runs again for each, since the
 * replay's id is part of what its inbox knows the event by: the same replay twice has no effect. Without `dryRun` it returns when
 * all are queued.
 */
export async function replayEvents(pool: pg.Pool, request: ReplayRequest): Promise<ReplayedHandler[]> {
  const { module, handler, type } = request;
  const { rows: handlers } = await pool.query<Handler>('select module, handler, event_type from mainstay.subscriptions where module = $1 and ($2::text is null or handler = $2) and ($3::text is null or event_type = $3) order by handler', [module, handler ?? null, type ?? null]);
  const { rows: emitters } = await pool.query<{ module: string }>(`select module from mainstay.modules where to_regclass(schema || '.' || schema || '_outbox') is not null order by module`);
  const replayed: ReplayedHandler[] = [];
  for (const each of handlers) {
    let events = 0;
    for (const emitter of emitters) events += await (request.dryRun ? count(pool, emitter.module, each, request) : queue(pool, emitter.module, each, request));
    replayed.push({ handler: each.handler, eventType: each.event_type, events });
  }
  return replayed;
}

const outboxOf = (module: string): string => `${schemaOf(module)}.${schemaOf(module)}_outbox`;

async function count(pool: pg.Pool, emitter: string, { event_type: type }: Handler, { from, to }: ReplayRequest): Promise<number> {
  const { rows } = await pool.query<{ events: number }>(`select count(*)::int as events from ${outboxOf(emitter)} where type = $1 and time >= $2 and time < $3`, [type, from, to]);
  return rows[0]!.events;
}

async function queue(pool: pg.Pool, emitter: string, { module, handler, event_type: type }: Handler, { id, from, to }: ReplayRequest): Promise<number> {
  const sql = `
    with events as (
      select ${cloudEventSql(literal(`/${emitter}`), `'replay', $1::text`)} as event, id, row_number() over (order by id) as place
        from ${outboxOf(emitter)} where type = $2 and time >= $3 and time < $4 and id > $5 order by id limit ${BATCH}
    ), queued as (
      select graphile_worker.add_jobs(array(
        select row($6::text || '/on:' || $7::text, event, $6::text || ':' || (hashtext(event ->> 'subject') & 15),
            clock_timestamp() + place * interval '1 microsecond', ${MAX_ATTEMPTS}::smallint, null, null, null)::graphile_worker.job_spec from events order by place))
    )
    select (select count(*) from queued)::int as queued, (select count(*)::int from events) as events, (select id from events order by id desc limit 1) as last`;
  let events = 0;
  for (let last = '00000000-0000-0000-0000-000000000000'; ; ) {
    const { rows: [batch] } = await pool.query<{ events: number; last: string }>(sql, [id, type, from, to, last, module, handler]);
    events += batch!.events;
    if (batch!.events < BATCH) return events;
    last = batch!.last;
  }
}
