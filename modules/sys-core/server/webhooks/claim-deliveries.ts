import { sql, type Kysely } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import type { WebhooksNeeds } from './webhooks-needs.ts';

/** A delivery that this process sends now, and where to. */
export interface ClaimedDelivery {
  id: string;
  endpoint_id: string;
  org_id: string | null;
  body: string;
  /** Tries before this one. */
  attempts: number;
  url: string;
  secret: Buffer;
  previous_secret: Buffer | null;
  previous_until: Date | null;
}

const LOCK = 0x77656268;
/** A process has noted what became of a try well within this time after it has given it up. */
const GRACE_SECONDS = 10;

/** Whether anything waits to be sent now. */
export async function isAnyDue(db: Kysely<Tables>): Promise<boolean> {
  const { rows } = await sql`select from sys_core_webhook_deliveries where outcome = 'PENDING' and next_try <= clock_timestamp() and (claimed_until is null or claimed_until < clock_timestamp()) limit 1`.execute(db);
  return rows.length > 0;
}

/** Takes up to `most` deliveries that are due for this process, and of each endpoint no more than may be sent to it at once, by all processes together. */
export async function claimDeliveries({ db, config: { webhooks } }: WebhooksNeeds, most: number): Promise<ClaimedDelivery[]> {
  return db.write(async (tx) => {
    // One after the other, so that what others send to an endpoint is counted.
    await sql`select pg_advisory_xact_lock(${LOCK})`.execute(tx);
    const { rows } = await sql<ClaimedDelivery>`
      with due as (
        select found.id from sys_core_webhook_endpoints as endpoint cross join lateral (
          select d.id, d.next_try from sys_core_webhook_deliveries as d
            where d.endpoint_id = endpoint.id and d.outcome = 'PENDING' and d.next_try <= clock_timestamp() and (d.claimed_until is null or d.claimed_until < clock_timestamp())
            order by d.next_try
            limit greatest(0, ${webhooks.perEndpoint} - (select count(*) from sys_core_webhook_deliveries as busy where busy.endpoint_id = endpoint.id and busy.claimed_until > clock_timestamp()))
        ) as found order by found.next_try limit ${most}
      )
      update sys_core_webhook_deliveries as d set claimed_until = clock_timestamp() + ${webhooks.timeoutSeconds + GRACE_SECONDS} * interval '1 second'
        from due, sys_core_webhook_endpoints as endpoint where d.id = due.id and endpoint.id = d.endpoint_id
        returning d.id, d.endpoint_id, d.org_id, d.body, d.attempts, endpoint.url, endpoint.secret, endpoint.previous_secret, endpoint.previous_until`.execute(tx);
    return rows;
  });
}
