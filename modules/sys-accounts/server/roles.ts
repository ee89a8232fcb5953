import { create } from '@bufbuild/protobuf';
import type { OnConflictBuilder, Selectable } from 'kysely';
import { Role, RoleGrantSchema, type RoleGrant } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';

export type GrantRow = Pick<Selectable<Tables['sys_accounts_role_grants']>, 'role' | 'scope_org' | 'scope_project'>;

/** A role as the contract shows it. */
export const roleGrant = ({ role, scope_org, scope_project }: GrantRow): RoleGrant =>
  create(RoleGrantSchema, { role: Role[role], orgId: scope_org ?? '', projectId: scope_project ?? '' });

/** The name of a role that can be granted through the API: never one of the platform's own. */
export function grantable(role: Role): 'USER' | 'ADMIN' {
  if (role === Role.USER) return 'USER';
  if (role === Role.ADMIN) return 'ADMIN';
  // The contract's validation lets no other through; this holds should it ever be loosened.
  throw new Error(`role ${role} can not be granted`);
}

/** A role that is given by hand stays, also if a group gave it first. */
export const byHand = (conflict: OnConflictBuilder<Tables, 'sys_accounts_role_grants'>) =>
  conflict.columns(['account_id', 'role', 'scope_org', 'scope_project']).doUpdateSet({ by_group: false });
