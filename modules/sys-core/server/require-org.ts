import { currentCall } from '@mainstay/kernel';
import { errors } from '../errors.ts';

/** Checks that a call may touch an org: the one it acts in, or any if the guard let it act across orgs. Of others nothing is told. */
export function requireOrg(orgId: string): void {
  const { acrossOrgs, principal } = currentCall();
  const own = principal.kind !== 'anonymous' && principal.orgId?.toLowerCase() === orgId.toLowerCase();
  if (!acrossOrgs && !own) throw errors.ORG_NOT_FOUND({ orgId });
}
