import { caller, currentCall } from '@mainstay/kernel';
import { errors } from '../errors.ts';

/**
 * Checks that a call may touch an org: the one it acts in, or any if the guard let it act across orgs. Of an org
 * of which the caller is no member nothing is told, not even that it exists.
 */
export function requireOrgOfCall(orgId: string): void {
  if (currentCall().acrossOrgs || caller().orgId === orgId) return;
  throw isOwnOrg(orgId) ? errors.ORG_NOT_CURRENT({ orgId }) : errors.ORG_NOT_FOUND({ orgId });
}

/** Whether the caller is a member of the org, or may see every org. */
export const mayReadOrg = (orgId: string): boolean => currentCall().acrossOrgs === true || isOwnOrg(orgId);

const isOwnOrg = (orgId: string) => caller().roles.some((grant) => grant.orgId === orgId);
