import { Code, ConnectError } from '@connectrpc/connect';
import type { JsonValue } from '@bufbuild/protobuf';
import { kernelErrors } from '../errors/kernel-errors.ts';
import type { Network } from '../peers/network.ts';
import type { CloudEvent } from './cloud-event.ts';

/** Hands an event to a handler of a module that another process runs, on a database of its own. */
export type DeliverElsewhere = (module: string, handler: string, event: CloudEvent) => Promise<void>;

/**
 * Hands events to the processes that run their handlers; it is done when each of them has committed what it did. A module in
 * shards gets an event where the orgs live that it is about, and everywhere if it is about none.
 */
export function deliverElsewhere(network: Network): DeliverElsewhere {
  return async (module, handler, event) => {
    const data = new Uint8Array(Buffer.from(JSON.stringify(event)));
    const orgs = network.isSharded(module) ? [...orgsOf(event)] : [];
    if (!network.isSharded(module)) return network.transport.toKernelOf(module, async ({ deliver }) => void (await deliver({ module, handler, event: data })));
    if (orgs.length === 0) return void (await Promise.all(network.shardsOf(module).map((shard) => network.transport.toShard(module, shard, async ({ deliver }) => void (await deliver({ module, handler, event: data }))))));
    // One after the other: a shard may have several of the orgs, and its inbox lets the event in once.
    for (const orgId of orgs) await network.transport.toOrgOf(module, orgId, async ({ deliver }) => void (await deliver({ module, handler, event: data, orgId })));
  };
}

/** The orgs that an event is about: that in which it happened, and those that it names in a field `org_id` or `org_ids`. */
export function orgsOf({ orgid, data }: Pick<CloudEvent, 'orgid' | 'data'>): Set<string> {
  const fields = (data ?? {}) as Record<string, JsonValue>;
  const named = [fields.orgId, fields.orgIds].flat().filter((org): org is string => typeof org === 'string' && org !== '');
  return new Set([...(orgid ? [orgid] : []), ...named]);
}

/** Whether the other process could not be asked, or is just being started: no fault of the handler, and none of its tries. */
export function isAway(error: unknown): boolean {
  const { code } = ConnectError.from(error);
  return code === Code.Unavailable || code === Code.Canceled || code === Code.DeadlineExceeded;
}

/** Throws `kernel.WRONG_SHARD` for an event that is meant for an org which has moved. */
export function requireOrgHere(orgId: string, ownsOrg: ((orgId: string) => boolean) | undefined): void {
  if (orgId !== '' && ownsOrg?.(orgId) === false) throw kernelErrors.WRONG_SHARD({ slot: '' });
}
