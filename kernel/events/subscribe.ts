import type pg from 'pg';
import type { Module } from '../module/define-module.ts';
import { OUTBOUND_HANDLER } from '../webhooks/outbound-webhooks.ts';

/**
 * Records which handlers get which events, so that an event is queued for each of them in the transaction that
 * announces it. Handlers of modules that are no longer enabled get none. What other systems want is left as it is.
 */
export async function subscribe(pool: pg.Pool, modules: readonly Module[]): Promise<void> {
  const rows = modules.flatMap(({ name, events = [] }) => events.map((subscription) => [subscription.event.typeName, name, subscription.name] as const));
  const outbound = modules.filter(({ outboundWebhooks }) => outboundWebhooks).map(({ name }) => name);
  const column = (index: 0 | 1 | 2) => rows.map((row) => row[index]);
  await pool.query(`
    with wanted as (select * from unnest($1::text[], $2::text[], $3::text[]) as w (event_type, module, handler)),
    gone as (delete from mainstay.subscriptions s where not exists (select from wanted w where (w.event_type, w.module, w.handler) = (s.event_type, s.module, s.handler)) and not (s.module = any ($4::text[]) and s.handler = $5))
    insert into mainstay.subscriptions select * from wanted on conflict do nothing`, [column(0), column(1), column(2), outbound, OUTBOUND_HANDLER]);
}
