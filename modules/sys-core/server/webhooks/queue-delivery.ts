import { createHash } from 'node:crypto';
import type { CloudEvent, Transaction } from '@mainstay/kernel';
import type { Tables } from '../../database/tables.ts';

/** Puts an event on its way to endpoints; one that came before for an endpoint is left as it is. */
export async function queueDeliveries(tx: Pick<Transaction<Tables>, 'insertInto'>, endpoints: readonly { id: string; org_id: string | null }[], event: CloudEvent): Promise<void> {
  if (endpoints.length === 0) return;
  const body = bodyOf(event);
  const rows = endpoints.map(({ id, org_id }) => ({ id: deliveryId(id, event), endpoint_id: id, org_id, event_id: event.id, event_type: event.type, body }));
  await tx.insertInto('sys_core_webhook_deliveries').values(rows).onConflict((conflict) => conflict.column('id').doNothing()).execute();
}

/** The id of a delivery, a UUID made of endpoint and event; a replay is another delivery. */
export function deliveryId(endpointId: string, { id, source, replay = '' }: Pick<CloudEvent, 'id' | 'source' | 'replay'>): string {
  const digest = createHash('sha256').update(JSON.stringify([endpointId, source, id, replay])).digest('hex');
  // Version 8: what is made of something else (RFC 9562).
  return `${digest.slice(0, 8)}-${digest.slice(8, 12)}-8${digest.slice(13, 16)}-a${digest.slice(17, 20)}-${digest.slice(20, 32)}`;
}

/** The event in the JSON format of CloudEvents, without what is not set and what is the platform's own. */
function bodyOf({ replay: _, ...event }: CloudEvent): string {
  return JSON.stringify(Object.fromEntries(Object.entries(event).filter(([, value]) => value !== null && value !== undefined)));
}
