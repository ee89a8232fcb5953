import type { FieldMask } from '@bufbuild/protobuf/wkt';
import { currentTime, newId, requireMatch, updatePaths, type Transaction } from '@mainstay/kernel';
import { sql, type Updateable } from 'kysely';
import { WebhookEndpoint_State as State, WebhookEndpointSchema, type WebhookEndpoint } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { endPending } from './record-try.ts';
import type { EndpointRow } from './webhook-messages.ts';
import { newWebhookSecret, sealSecret } from './webhook-secret.ts';
import { isStrict, requireUrl } from './webhook-url.ts';
import type { WebhooksNeeds } from './webhooks-needs.ts';

const updatable = ['url', 'description', 'event_types', 'state'] as const;
const LOCK = 0x77656265;
const HOUR = 3_600_000;

interface WithSecret {
  row: EndpointRow;
  secret: string;
}

/** Throws `WEBHOOK_ENDPOINT_NOT_FOUND`, also for what is another org's. */
export async function findEndpoint(q: Pick<Transaction<Tables>, 'selectFrom'>, webhookEndpointId: string): Promise<EndpointRow> {
  const found = await q.selectFrom('sys_core_webhook_endpoints').selectAll().where('id', '=', webhookEndpointId).executeTakeFirst();
  if (!found) throw errors.WEBHOOK_ENDPOINT_NOT_FOUND({ webhookEndpointId });
  return found;
}

/** Makes an endpoint of an org, or of the deployment, with the secret that is shown this once. */
export async function createEndpoint(needs: WebhooksNeeds, orgId: string | null, { url, description, eventTypes, state }: WebhookEndpoint): Promise<WithSecret> {
  const { db, config: { webhooks: { maxEndpoints } }, deployment } = needs;
  const values = { ...checked(needs, { url, event_types: eventTypes }), description };
  const [id, secret] = [newId(), newWebhookSecret()];
  const row = await db.write(async (tx) => {
    await sql`select pg_advisory_xact_lock(${LOCK}, hashtext(${orgId ?? ''}))`.execute(tx);
    const { count } = await tx.selectFrom('sys_core_webhook_endpoints').select(({ fn }) => fn.countAll<number>().as('count')).where('org_id', orgId === null ? 'is' : '=', orgId).executeTakeFirstOrThrow();
    if (Number(count) >= maxEndpoints) throw errors.WEBHOOK_ENDPOINTS_REACHED({ most: maxEndpoints });
    return tx.insertInto('sys_core_webhook_endpoints').values({ ...values, id, org_id: orgId, secret: sealSecret(deployment.secret, id, secret), ...(state === State.DISABLED && { state: 'DISABLED' }) }).returningAll().executeTakeFirstOrThrow();
  });
  return { row, secret };
}

/** Changes what the mask names, or what is not empty. What waits for an endpoint that is disabled is not sent. */
export function changeEndpoint(needs: WebhooksNeeds, id: string, given: WebhookEndpoint, mask: FieldMask | undefined): Promise<EndpointRow> {
  return needs.db.write(async (tx) => {
    const before = await lockEndpoint(tx, id);
    requireMatch(before.version, given.etag);
    const named = updatePaths(WebhookEndpointSchema, given, mask, updatable);
    const changed = checked(needs, { ...(named.has('url') && { url: given.url }), ...(named.has('event_types') && { event_types: given.eventTypes }) });
    if (named.has('state') && given.state === State.DISABLED) await endPending(tx, id);
    return update(tx, id, { ...changed, ...(named.has('state') && stateOf(given.state)), ...(named.has('description') && { description: given.description }) });
  });
}

/** Removes an endpoint with everything that was sent to it. */
export async function deleteEndpoint({ db }: WebhooksNeeds, id: string): Promise<void> {
  await db.write(async (tx) => {
    requireMatch((await lockEndpoint(tx, id)).version);
    await tx.deleteFrom('sys_core_webhook_endpoints').where('id', '=', id).execute();
  });
}

/** Gives an endpoint another secret; the one before counts for a while. */
export async function rotateSecret({ db, config: { webhooks: { oldSecretHours } }, deployment }: WebhooksNeeds, id: string): Promise<WithSecret> {
  const secret = newWebhookSecret();
  const row = await db.write(async (tx) => {
    const before = await lockEndpoint(tx, id);
    requireMatch(before.version);
    const kept = oldSecretHours > 0 ? { previous_secret: before.secret, previous_until: new Date(currentTime().getTime() + oldSecretHours * HOUR) } : { previous_secret: null, previous_until: null };
    return update(tx, id, { secret: sealSecret(deployment.secret, id, secret), ...kept });
  });
  return { row, secret };
}

async function lockEndpoint(tx: Transaction<Tables>, webhookEndpointId: string): Promise<EndpointRow> {
  await findEndpoint(tx, webhookEndpointId);
  const found = await tx.selectFrom('sys_core_webhook_endpoints').selectAll().where('id', '=', webhookEndpointId).forUpdate().executeTakeFirst();
  if (!found) throw errors.WEBHOOK_ENDPOINT_NOT_FOUND({ webhookEndpointId });
  return found;
}

const update = (tx: Transaction<Tables>, id: string, values: Updateable<Tables['sys_core_webhook_endpoints']>): Promise<EndpointRow> =>
  tx.updateTable('sys_core_webhook_endpoints').set(({ eb }) => ({ ...values, version: eb('version', '+', 1) })).where('id', '=', id).returningAll().executeTakeFirstOrThrow();

/** An endpoint that is told again is as if it had never failed. */
const stateOf = (state: State) => (state === State.DISABLED ? { state: 'DISABLED' as const } : { state: 'ENABLED' as const, disabled_because: '', failing_since: null });

/** Throws `WEBHOOK_URL_INVALID`, `WEBHOOK_EVENTS_MISSING` and `WEBHOOK_EVENTS_UNKNOWN`. */
function checked<V extends { url?: string; event_types?: string[] }>({ deployment }: WebhooksNeeds, values: V): V {
  const { url, event_types: types } = values;
  if (types?.length === 0) throw errors.WEBHOOK_EVENTS_MISSING();
  const unknown = types?.filter((type) => !deployment.eventTypes.some(({ name }) => name === type)) ?? [];
  if (unknown.length > 0) throw errors.WEBHOOK_EVENTS_UNKNOWN({ eventTypes: unknown.slice(0, 5).join(', ') });
  return url === undefined ? values : { ...values, url: requireUrl(url, isStrict(deployment.phase)) };
}
