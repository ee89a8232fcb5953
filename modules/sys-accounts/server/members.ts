import type { Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Tables } from '../database/tables.ts';
import type { Reader } from './needs.ts';
import { byHand, type GrantRow } from './roles.ts';

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
    // By itself, or PostgreSQL reads all accounts of the platform to find the members of a larger org.
    .innerJoinLateral((eb) => eb.selectFrom('sys_accounts_accounts').select(['id', 'email', 'display_name']).whereRef('id', '=', 'g.account_id').offset(0).as('a'), (join) => join.onTrue())
    .select(['a.id', sql<string>`a.email`.as('email'), 'a.display_name'])
    .select(sql<GrantRow[]>`json_agg(json_build_object('role', g.role, 'scope_org', g.scope_org, 'scope_project', g.scope_project) order by g.id)`.as('grants'))
    .where('g.scope_org', '=', orgId)
    .groupBy(['a.id', 'a.email', 'a.display_name']);

/** Gives an account its first role in an org, which becomes the default org of its logins if it has none. */
export async function addMember(tx: Transaction<Tables>, orgId: string, accountId: string, role: 'USER' | 'ADMIN'): Promise<void> {
  await tx.insertInto('sys_accounts_role_grants').values({ account_id: accountId, role, scope_org: orgId, scope_project: null }).onConflict(byHand).execute();
  await tx.updateTable('sys_accounts_accounts').set({ home_org: orgId }).where('id', '=', accountId).where('home_org', 'is', null).execute();
  tx.changed(accountId);
}
