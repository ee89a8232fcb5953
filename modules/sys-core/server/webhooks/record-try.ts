import { runInOrg, type PostResult, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import { WebhookEndpointDisabledSchema } from '../../contract/index.ts';
import type { Tables, WebhookTryRow } from '../../database/tables.ts';
import type { ClaimedDelivery } from './claim-deliveries.ts';
import type { WebhooksNeeds } from './webhooks-needs.ts';

const GONE = 410;
const MOST_TRIES_KEPT = 20;
const DAY_SECONDS = 86_400;

/** Notes what became of a try: when the next one is, or that it was the last, and whether the endpoint is told of anything any more. */
export async function recordTry({ db, config }: WebhooksNeeds, delivery: ClaimedDelivery, time: Date, result: PostResult): Promise<void> {
  const write = () => db.write(async (tx) => {
    // The endpoint first, as whoever changes it does, so that they do not wait for each other.
    const because = await noteEndpoint(tx, delivery, result, config.webhooks.disableAfterDays);
    await noteTry(tx, delivery, config.webhooks.waitSeconds, time, result);
    if (because) await disableEndpoint(tx, delivery, because);
  });
  await (delivery.org_id === null ? write() : runInOrg(delivery.org_id, write));
}

async function noteTry(tx: Transaction<Tables>, { id, attempts }: ClaimedDelivery, waits: readonly number[], time: Date, { status, problem, excerpt, milliseconds, retryAfterSeconds = 0 }: PostResult): Promise<void> {
  const row: WebhookTryRow = { time: time.toISOString(), milliseconds, status, problem, excerpt };
  const wait = problem && status !== GONE ? waits[attempts + 1] : undefined;
  const outcome = !problem ? 'DELIVERED' : wait === undefined ? 'FAILED' : 'PENDING';
  // An endpoint may ask for patience, but not for ever.
  const seconds = wait === undefined ? null : Math.max(jittered(wait), Math.min(retryAfterSeconds, DAY_SECONDS));
  await sql`
    update sys_core_webhook_deliveries set outcome = ${outcome}, attempts = ${attempts + 1}, claimed_until = null, next_try = clock_timestamp() + ${seconds}::float8 * interval '1 second',
        tries = case when jsonb_array_length(tries) < ${MOST_TRIES_KEPT} then tries else tries - 0 end || ${JSON.stringify([row])}::jsonb
      where id = ${id}`.execute(tx);
}

/** Up to a tenth longer, so that what failed together does not come back together. */
const jittered = (seconds: number): number => seconds * (1 + Math.random() / 10);

/** Gives why the endpoint is to be disabled, if it is. */
async function noteEndpoint(tx: Transaction<Tables>, { endpoint_id: id }: ClaimedDelivery, { status, problem }: PostResult, days: number): Promise<string | undefined> {
  const endpoint = tx.updateTable('sys_core_webhook_endpoints').where('id', '=', id).where('state', '=', 'ENABLED');
  if (!problem) return void (await endpoint.set({ failing_since: null }).where('failing_since', 'is not', null).execute());
  const failing = await endpoint.set({ failing_since: sql<Date>`coalesce(failing_since, clock_timestamp())` }).returning(sql<boolean>`failing_since < clock_timestamp() - ${days} * interval '1 day'`.as('long')).executeTakeFirst();
  if (!failing) return undefined;
  if (status === GONE) return 'it answered 410: gone';
  return failing.long ? `every try has failed for ${days} days, the last one since ${problem}` : undefined;
}

async function disableEndpoint(tx: Transaction<Tables>, { endpoint_id: id, org_id: orgId }: ClaimedDelivery, because: string): Promise<void> {
  await tx.updateTable('sys_core_webhook_endpoints').set(({ eb }) => ({ state: 'DISABLED', disabled_because: because.slice(0, 200), version: eb('version', '+', 1) })).where('id', '=', id).execute();
  await endPending(tx, id);
  await tx.emit(WebhookEndpointDisabledSchema, { webhookEndpointId: id, orgId: orgId ?? '', because }, { aggregate: id });
}

/** Nothing more is sent of what waits for an endpoint. */
export async function endPending(tx: Transaction<Tables>, endpointId: string): Promise<void> {
  await tx.updateTable('sys_core_webhook_deliveries').set({ outcome: 'FAILED', next_try: null }).where('endpoint_id', '=', endpointId).where('outcome', '=', 'PENDING').execute();
}
