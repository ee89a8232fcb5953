import type { Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Tables } from '../database/tables.ts';
import type { Reader } from './needs.ts';
import type { GrantRow } from './roles.ts';

export interface MemberRow {
  id: string;
  email: string;
  display_name: string;
  grants: GrantRow[];
}

/** The members of an org, each with the roles in it: whoever holds at least one. */
export const memberOf = (q: Reader, orgId: string) =>
  q
    .selectFrom('sys_accounts_role_grants as g')
    .innerJoin('sys_accounts_accounts as a', 'a.id', 'g.account_id')
    .select(['a.id', sql<string>`a.email`.as('email'), 'a.display_name'])
    .select(sql<GrantRow[]>`json_agg(json_build_object('role', g.role, 'scope_org', g.scope_org, 'scope_project', g.scope_project) order by g.id)`.as('grants'))
    .where('g.scope_org', '=', orgId)
    .groupBy('a.id');

/** Gives an account its first role in an org, which becomes the default org of its logins if it has none. */
export async function addMember(tx: Transaction<Tables>, orgId: string, accountId: string, role: 'USER' | 'ADMIN'): Promise<void> {
  await tx.insertInto('sys_accounts_role_grants').values({ account_id: accountId, role, scope_org: orgId, scope_project: null }).onConflict((conflict) => conflict.doNothing()).execute();
  await tx.updateTable('sys_accounts_accounts').set({ home_org: orgId }).where('id', '=', accountId).where('home_org', 'is', null).execute();
}
