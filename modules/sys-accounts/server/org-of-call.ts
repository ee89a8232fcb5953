import { currentCall } from '@mainstay/kernel';
import { errors } from '../errors.ts';

/**
 * Checks that a call may touch an org: the one it acts in, or any if the guard let it act across orgs or a module
 * acts for itself in none. Of an org of which the caller is no member nothing is told, not even that it exists.
 */
export function requireOrgOfCall(orgId: string): void {
  // An org inside of a request may come without an id, since one that is to be made has none.
  if (orgId === '') throw errors.ORG_NOT_FOUND({ orgId });
  const { principal, acrossOrgs } = currentCall();
  if (acrossOrgs || (principal.kind !== 'anonymous' && principal.orgId === orgId)) return;
  if (principal.kind === 'module' && principal.orgId === undefined) return;
  throw mayReadOrg(orgId) ? errors.ORG_NOT_CURRENT({ orgId }) : errors.ORG_NOT_FOUND({ orgId });
}

/** The orgs that a call may read: those of which the person is a member, or the one a module acts in, or all. */
export function readableOrgs(): 'all' | string[] {
  const { principal, acrossOrgs } = currentCall();
  if (acrossOrgs) return 'all';
  if (principal.kind === 'account') return [...new Set(principal.roles.flatMap(({ orgId }) => orgId ?? []))].sort();
  if (principal.kind === 'anonymous') return [];
  return principal.orgId === undefined ? 'all' : [principal.orgId];
}

/** Whether a call may read an org. */
export function mayReadOrg(orgId: string): boolean {
  const readable = readableOrgs();
  return readable === 'all' || readable.includes(orgId);
}
