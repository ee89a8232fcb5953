import type { CloudEvent, OutboundWebhooks } from '@mainstay/kernel';
import { DeliverySender } from './delivery-sender.ts';
import { queueDeliveries } from './queue-delivery.ts';
import type { WebhooksNeeds } from './webhooks-needs.ts';

/** Tells other systems of the events that they subscribed to. */
export function createOutboundWebhooks(needs: WebhooksNeeds): OutboundWebhooks {
  const { db } = needs;
  const sender = new DeliverySender(needs);
  return {
    async wanted() {
      const rows = await db.read((q) => q.selectFrom('sys_core_webhook_endpoints').select(({ fn }) => fn<string>('unnest', ['event_types']).as('type')).distinct().where('state', '=', 'ENABLED').execute());
      return rows.map(({ type }) => type);
    },

    take: (event: CloudEvent) => db.write(async (tx) => {
      const endpoints = await tx.selectFrom('sys_core_webhook_endpoints').select(['id', 'org_id']).where('state', '=', 'ENABLED')
        .where((eb) => eb(eb.val(event.type), '=', eb.fn.any('event_types')))
        .where((eb) => eb.or([eb('org_id', 'is', null), ...(event.orgid ? [eb('org_id', '=', event.orgid)] : [])]))
        .execute();
      await queueDeliveries(tx, endpoints, event);
    }),

    sendDue: () => sender.sendDue(),
    stop: () => sender.stop(),
  };
}
