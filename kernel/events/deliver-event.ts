import { fromJson } from '@bufbuild/protobuf';
import type { Kysely } from 'kysely';
import { startAnew } from '../commands/nested-key.ts';
import type { Database } from '../data/database.ts';
import { requireRoom } from '../data/disk-room.ts';
import { schemaOf } from '../data/names.ts';
import { runInCall, type Call } from '../guard/call.ts';
import type { Subscription } from '../module/define-module.ts';
import type { TaskPlace } from '../telemetry/follow-task.ts';
import type { CloudEvent } from './cloud-event.ts';

/** Takes events of any type as they travel, in no org of its own and over all of them. */
export interface EnvelopeHandler {
  name: string;
  take: (event: CloudEvent) => Promise<void>;
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
export async function deliverEvent({ module, database, context, ownsOrg }: Subscriber, subscription: Subscription<never> | EnvelopeHandler, event: CloudEvent, place?: TaskPlace): Promise<void> {
  requireRoom(database);
  const takesAll = 'take' in subscription;
  const handle = takesAll ? () => subscription.take(event) : handlerOf(subscription, context, event);
  const orgId = !takesAll && event.orgid && ownsOrg?.(event.orgid) !== false ? event.orgid : undefined;
  const handler = event.replay === undefined ? subscription.name : `${subscription.name} replay:${event.replay}`;
  const call: Call = { principal: { kind: 'module' as const, module, orgId }, acrossOrgs: takesAll, ...(ownsOrg && { ownsOrg }), traceId: event.traceid, idempotencyKey: `${event.id}/${handler}`, ...place };
  await runInCall(call, () => database.write(async (transaction) => {
    // It may be tried again.
    startAnew(call);
    if (await isFirst(transaction, module, handler, event.id)) await handle();
  }));
}

function handlerOf(subscription: Subscription<never>, context: unknown, { data }: CloudEvent): () => Promise<void> {
  const message = fromJson(subscription.event, data, { ignoreUnknownFields: true }) as never;
  return () => subscription.handle(context as never, message);
}

async function isFirst(transaction: Kysely<any>, module: string, handler: string, eventId: string): Promise<boolean> {
  const inserted = await transaction.insertInto(`${schemaOf(module)}_inbox`).values({ event_id: eventId, handler })
    .onConflict((conflict) => conflict.doNothing()).returning('event_id').executeTakeFirst();
  return inserted !== undefined;
}
