import type { DeclaredPermission, RoleGrant } from '@mainstay/kernel';

/**
 * The permissions that somebody has in an org, for calls that name no project: for clients to show and hide by. The guard
 * decides by the same rules, and nothing here lets anybody in.
 */
export function permissionsThatCount(permissions: readonly DeclaredPermission[], { orgId, roles }: { orgId: string; roles: readonly RoleGrant[] }): string[] {
  const counting = new Set(['GUEST', ...roles.filter((grant) => !grant.orgId || (grant.orgId === orgId && !grant.projectId)).map(({ role }) => role)]);
  // Of the platform's own services a Platform Administrator may call all.
  const isOperators = (module: string) => counting.has('SUPERADMIN') && module.startsWith('sys-');
  return permissions.filter(({ module, roles: granting }) => isOperators(module) || granting.some((role) => counting.has(role))).map(({ name }) => name);
}
