import { randomUUID } from 'node:crypto';
import type { ServiceImpl } from '@connectrpc/connect';
import { currentCall, currentTime, readList, type CloudEvent, type Transaction } from '@mainstay/kernel';
import type { WebhooksService } from '../../contract/index.ts';
import { WebhookTestedSchema } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { listFields } from '../list-fields.ts';
import { orgOfRequest } from '../settings/find-setting.ts';
import { changeEndpoint, createEndpoint, deleteEndpoint, findEndpoint, rotateSecret } from './webhook-endpoints.ts';
import { deliveryId, queueDeliveries } from './queue-delivery.ts';
import { deliveryMessage, endpointMessage, listedDelivery, type DeliveryRow } from './webhook-messages.ts';
import type { WebhooksNeeds } from './webhooks-needs.ts';

/** Which other systems are told of which events, and what became of that. */
export function webhooksService(needs: WebhooksNeeds): ServiceImpl<typeof WebhooksService> {
  const { db, deployment } = needs;
  return {
    async createWebhookEndpoint({ orgId, webhookEndpoint }) {
      const { row, secret } = await createEndpoint(needs, orgOfRequest(orgId) ?? null, webhookEndpoint!);
      return { webhookEndpoint: endpointMessage(row), secret };
    },

    async listWebhookEndpoints({ orgId }) {
      const org = orgOfRequest(orgId);
      const rows = await db.read((q) => q.selectFrom('sys_core_webhook_endpoints').selectAll().where('org_id', org === undefined ? 'is' : '=', org ?? null).orderBy('id', 'desc').execute());
      return { webhookEndpoints: rows.map(endpointMessage) };
    },

    async getWebhookEndpoint({ webhookEndpointId }) {
      return endpointMessage(await db.read((q) => findEndpoint(q, webhookEndpointId)));
    },

    async updateWebhookEndpoint({ webhookEndpointId, webhookEndpoint, updateMask }) {
      return endpointMessage(await changeEndpoint(needs, webhookEndpointId, webhookEndpoint!, updateMask));
    },

    async deleteWebhookEndpoint({ webhookEndpointId }) {
      await deleteEndpoint(needs, webhookEndpointId);
      return {};
    },

    async rotateWebhookSecret({ webhookEndpointId }) {
      const { row, secret } = await rotateSecret(needs, webhookEndpointId);
      return { webhookEndpoint: endpointMessage(row), secret };
    },

    async testWebhookEndpoint({ webhookEndpointId }) {
      return db.write(async (tx) => {
        const endpoint = await findEndpoint(tx, webhookEndpointId);
        if (endpoint.state === 'DISABLED') throw errors.WEBHOOK_ENDPOINT_DISABLED({ webhookEndpointId });
        const event = testEvent(endpoint.id, endpoint.org_id);
        await queueDeliveries(tx, [endpoint], event);
        return deliveryMessage(await findDelivery(tx, deliveryId(endpoint.id, event)));
      });
    },

    async listWebhookDeliveries(request) {
      const org = orgOfRequest(request.orgId);
      const { rows, nextPageToken, totalSize } = await db.read((q) =>
        readList(q, q.selectFrom('sys_core_webhook_deliveries').select(shown).where('org_id', org === undefined ? 'is' : '=', org ?? null), request, { secret: deployment.secret, fields: listFields.webhookDeliveries, defaultOrder: 'create_time desc' }));
      return { webhookDeliveries: rows.map(listedDelivery), nextPageToken, totalSize };
    },

    async getWebhookDelivery({ webhookDeliveryId }) {
      return deliveryMessage(await db.read((q) => findDelivery(q, webhookDeliveryId)));
    },

    async redeliverWebhook({ webhookDeliveryId }) {
      return db.write(async (tx) => deliveryMessage(await redeliver(tx, webhookDeliveryId)));
    },

    async listWebhookEventTypes() {
      return { eventTypes: deployment.eventTypes.map(({ module, name }) => ({ eventType: name, module })).sort((one, other) => (one.eventType < other.eventType ? -1 : 1)) };
    },
  };
}

const shown = ['id', 'endpoint_id', 'org_id', 'event_id', 'event_type', 'outcome', 'attempts', 'next_try', 'claimed_until', 'tries', 'create_time'] as const;

async function findDelivery(q: Pick<Transaction<Tables>, 'selectFrom'>, webhookDeliveryId: string): Promise<Omit<DeliveryRow, 'body'>> {
  const found = await q.selectFrom('sys_core_webhook_deliveries').select(shown).where('id', '=', webhookDeliveryId).executeTakeFirst();
  if (!found) throw errors.WEBHOOK_DELIVERY_NOT_FOUND({ webhookDeliveryId });
  return found;
}

async function redeliver(tx: Transaction<Tables>, webhookDeliveryId: string): Promise<Omit<DeliveryRow, 'body'>> {
  const { endpoint_id: webhookEndpointId } = await findDelivery(tx, webhookDeliveryId);
  const { state } = await findEndpoint(tx, webhookEndpointId);
  if (state === 'DISABLED') throw errors.WEBHOOK_ENDPOINT_DISABLED({ webhookEndpointId });
  return tx.updateTable('sys_core_webhook_deliveries').set({ outcome: 'PENDING', attempts: 0, next_try: currentTime() }).where('id', '=', webhookDeliveryId).returning(shown).executeTakeFirstOrThrow();
}

function testEvent(webhookEndpointId: string, orgId: string | null): CloudEvent {
  const type = WebhookTestedSchema.typeName;
  return { specversion: '1.0', id: randomUUID(), source: '/sys-core', type, subject: webhookEndpointId, time: currentTime().toISOString(), datacontenttype: 'application/json', dataschema: `proto:${type}`, data: { webhookEndpointId }, orgid: orgId, traceid: currentCall().traceId };
}
