import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import type { Kysely } from 'kysely';
import { startAnew } from '../commands/nested-key.ts';
import type { Database } from '../data/database.ts';
import { requireRoom } from '../data/disk-room.ts';
import { schemaOf } from '../data/names.ts';
import { runInCall, type Call } from '../guard/call.ts';
import type { Subscription } from '../module/define-module.ts';
import type { TaskPlace } from '../telemetry/follow-task.ts';

/** An event on its way, a CloudEvents 1.0 envelope in JSON; `orgid` and `traceid` are extensions, the others that of distributed tracing. */
export interface CloudEvent {
  specversion: '1.0';
  id: string;
  /** The module that announced it, as `/mod-name`. */
  source: string;
  /** Full name of the message in `data`. */
  type: string;
  /** The aggregate that it happened to. */
  subject: string;
  time: string;
  /** Always `application/json`. */
  datacontenttype?: string;
  /** The contract's message, such as `proto:mod.promist.v1.PromiseCreated`. */
  dataschema?: string;
  data: JsonValue;
  orgid: string | null;
  traceid: string;
  traceparent?: string | null;
  tracestate?: string | null;
  /** The replay that it is part of: a handler runs again for it. */
  replay?: string;
}

/** A module that handles events: its name, its tables, and what its handlers need. */
export interface Subscriber {
  module: string;
  database: Database<any>;
  context: unknown;
  /** In a shard: which orgs are here. */
  ownsOrg?: (orgId: string) => boolean;
}

/**
 * Hands an event to a handler in the event's org. The inbox row and what the handler writes commit together, so an
 * event that is delivered again has no effect. Commands of other services that it calls take effect once too. In a shard
 * that has other orgs of the event, and not the one in which it happened, the handler acts in none but those that it enters.
 */
export async function deliverEvent({ module, database, context, ownsOrg }: Subscriber, subscription: Subscription<never>, event: CloudEvent, place?: TaskPlace): Promise<void> {
  requireRoom(database);
  const message = fromJson(subscription.event, event.data, { ignoreUnknownFields: true }) as never;
  const orgId = event.orgid && ownsOrg?.(event.orgid) !== false ? event.orgid : undefined;
  const handler = event.replay === undefined ? subscription.name : `${subscription.name} replay:${event.replay}`;
  const call: Call = { principal: { kind: 'module' as const, module, orgId }, ...(ownsOrg && { ownsOrg }), traceId: event.traceid, idempotencyKey: `${event.id}/${handler}`, ...place };
  await runInCall(call, () => database.write(async (transaction) => {
    // It may be tried again.
    startAnew(call);
    if (await isFirst(transaction, module, handler, event.id)) await subscription.handle(context as never, message);
  }));
}

async function isFirst(transaction: Kysely<any>, module: string, handler: string, eventId: string): Promise<boolean> {
  const inserted = await transaction.insertInto(`${schemaOf(module)}_inbox`).values({ event_id: eventId, handler })
    .onConflict((conflict) => conflict.doNothing()).returning('event_id').executeTakeFirst();
  return inserted !== undefined;
}
