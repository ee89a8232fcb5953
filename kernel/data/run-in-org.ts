import { currentCall, runWithinCall } from '../guard/call.ts';

/**
 * Runs `work` in one org: for a module's own work over several orgs, such as its bootstrap or a job on a schedule.
 * Only a module may choose its org; a person acts in the org that the guard found.
 */
export function runInOrg<T>(orgId: string, work: () => Promise<T>): Promise<T> {
  const call = currentCall();
  if (call.principal.kind !== 'module') throw new Error(`runInOrg is for a module's own work, not for ${call.principal.kind} calls`);
  const { callerModule, traceId, trace, span, requestId, deadline, signal } = call;
  return runWithinCall({ principal: { ...call.principal, orgId }, callerModule, traceId, trace, span, requestId, deadline, signal }, work);
}
