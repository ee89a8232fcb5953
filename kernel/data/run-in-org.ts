import { currentCall, runWithinCall, type Call } from '../guard/call.ts';

/**
 * Runs `work` in one org: for a module's own work over several orgs, such as its bootstrap or a job on a schedule.
 * Only a module may choose its org; a person acts in the org that the guard found. Commands that it calls take effect once,
 * like those of the job itself. In a shard that has no rows of the org nothing is done, and the result is undefined: the same work
 * runs in every shard, and that which has them does it.
 */
export function runInOrg<T>(orgId: string, work: () => Promise<T>): Promise<T> {
  const call = currentCall();
  if (call.principal.kind !== 'module') throw new Error(`runInOrg is for a module's own work, not for ${call.principal.kind} calls`);
  if (call.ownsOrg?.(orgId) === false) return Promise.resolve(undefined as T);
  const { ownsOrg, callerModule, traceId, trace, span, requestId, deadline, signal } = call;
  return runWithinCall({ principal: { ...call.principal, orgId }, ownsOrg, callerModule, traceId, trace, span, requestId, deadline, signal, within: true, idempotencyKey: keyIn(call, orgId) }, work);
}

/** Another key for each time that an org is entered, whatever other orgs come before it. */
function keyIn(call: Call, orgId: string): string | undefined {
  const entered = (call.orgsEntered ??= new Map<string, number>());
  const place = (entered.get(orgId) ?? 0) + 1;
  entered.set(orgId, place);
  return call.idempotencyKey === undefined ? undefined : `${call.idempotencyKey} ${orgId} ${place}`;
}
