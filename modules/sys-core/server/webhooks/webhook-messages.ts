import type { Message, MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { etagOf } from '@mainstay/kernel';
import type { Selectable } from 'kysely';
import { WebhookDelivery_Outcome as Outcome, WebhookEndpoint_State as State, type WebhookDeliverySchema, type WebhookEndpointSchema, type WebhookTrySchema } from '../../contract/index.ts';
import type { Tables, WebhookTryRow } from '../../database/tables.ts';

export type EndpointRow = Selectable<Tables['sys_core_webhook_endpoints']>;
export type DeliveryRow = Selectable<Tables['sys_core_webhook_deliveries']>;

const optional = (time: Date | null) => (time ? timestampFromDate(time) : undefined);

export const endpointMessage = (row: EndpointRow): MessageInitShape<typeof WebhookEndpointSchema> => ({
  webhookEndpointId: row.id,
  orgId: row.org_id ?? '',
  url: row.url,
  description: row.description,
  eventTypes: row.event_types,
  state: State[row.state],
  disabledBecause: row.disabled_because,
  failingSince: optional(row.failing_since),
  previousSecretExpireTime: optional(row.previous_until),
  createTime: timestampFromDate(row.create_time),
  etag: etagOf(row.version, [row.failing_since]),
});

type DeliveryMessage = Exclude<MessageInitShape<typeof WebhookDeliverySchema>, Message>;

/** Without its tries but the last one: they are many. */
export const listedDelivery = (row: Omit<DeliveryRow, 'body'>): DeliveryMessage => ({
  webhookDeliveryId: row.id,
  webhookEndpointId: row.endpoint_id,
  eventId: row.event_id,
  eventType: row.event_type,
  outcome: Outcome[row.outcome],
  attempts: row.attempts,
  lastTry: row.tries.length > 0 ? tryMessage(row.tries.at(-1)!) : undefined,
  nextTryTime: optional(row.next_try),
  createTime: timestampFromDate(row.create_time),
});

export const deliveryMessage = (row: Omit<DeliveryRow, 'body'>): DeliveryMessage => ({ ...listedDelivery(row), tries: row.tries.map(tryMessage) });

const tryMessage = ({ time, milliseconds, status, problem, excerpt }: WebhookTryRow): MessageInitShape<typeof WebhookTrySchema> => ({ time: timestampFromDate(new Date(time)), latencyMilliseconds: milliseconds, responseStatus: status, problem, responseExcerpt: excerpt });
