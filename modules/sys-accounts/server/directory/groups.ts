import type { Transaction } from '@mainstay/kernel';
import { sql, type RawBuilder } from 'kysely';
import { MembershipChangedSchema } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { roleGrant, type GrantRow } from '../roles.ts';

type Tx = Transaction<Tables>;

/** What becomes of the role of the last administrator that no group gives any more: it stays, or the change is refused. */
export type OfLastAdmin = 'stays' | 'refused';

/**
 * Gives a member the roles that their groups give, and takes those that only groups gave which they have left. `groups` are
 * those that a login told of; what the org's directory told of counts beside them. Who is no member gets nothing.
 */
export async function applyGroups(tx: Tx, orgId: string, accountId: string, groups: readonly string[]): Promise<void> {
  const group_names = [...new Set(groups)];
  await tx.insertInto('sys_accounts_login_groups').values({ owner_org: orgId, account_id: accountId, group_names }).onConflict((conflict) => conflict.columns(['owner_org', 'account_id']).doUpdateSet({ group_names })).execute();
  await followGroups(tx, orgId, [accountId], 'stays');
}

/** Makes the roles of members fit the groups that they are in, as far as groups gave them. Throws `LAST_ADMIN` where that is refused. */
export async function followGroups(tx: Tx, orgId: string, accountIds: readonly string[], ofLastAdmin: OfLastAdmin): Promise<void> {
  if (accountIds.length === 0) return;
  // One change after the other: two administrators of an org can not lose their role at once.
  await tx.selectFrom('sys_accounts_orgs').select('id').where('id', '=', orgId).forNoKeyUpdate().execute();
  const given = await give(tx, orgId, accountIds);
  const taken = await take(tx, orgId, accountIds, ofLastAdmin);
  const changed = [...new Set([...given, ...taken])];
  if (changed.length > 0) await announce(tx, orgId, changed);
}

/** Who is in a group, by their last login or by the org's directory. */
export async function peopleInGroup(tx: Tx, orgId: string, groupName: string): Promise<string[]> {
  const { rows } = await sql<{ account_id: string }>`
    select account_id from sys_accounts_login_groups where owner_org = ${orgId} and ${groupName} = any(group_names)
    union
    select i.account_id from sys_accounts_directory_group_members i join sys_accounts_directory_groups d on d.id = i.group_id where d.owner_org = ${orgId} and d.display_name = ${groupName}`.execute(tx);
  return rows.map(({ account_id }) => account_id);
}

/** The roles that groups give to these accounts. */
const wanted = (orgId: string, accountIds: readonly string[]): RawBuilder<unknown> => sql`(
  select distinct g.account_id, m.role, m.scope_project
  from (
    select account_id, unnest(group_names) as name from sys_accounts_login_groups where owner_org = ${orgId} and account_id = any(${accountIds}::uuid[])
    union
    select i.account_id, d.display_name from sys_accounts_directory_group_members i join sys_accounts_directory_groups d on d.id = i.group_id
    where d.owner_org = ${orgId} and i.account_id = any(${accountIds}::uuid[])
  ) g
  join sys_accounts_group_mappings m on m.owner_org = ${orgId} and m.group_name = g.name
)`;

async function give(tx: Tx, orgId: string, accountIds: readonly string[]): Promise<string[]> {
  const { rows } = await sql<{ account_id: string }>`
    insert into sys_accounts_role_grants (account_id, role, scope_org, scope_project, by_group)
    select w.account_id, w.role, ${orgId}, w.scope_project, true from ${wanted(orgId, accountIds)} w
    where exists (select from sys_accounts_role_grants g where g.account_id = w.account_id and g.scope_org = ${orgId})
    on conflict do nothing
    returning account_id`.execute(tx);
  return rows.map(({ account_id }) => account_id);
}

async function take(tx: Tx, orgId: string, accountIds: readonly string[], ofLastAdmin: OfLastAdmin): Promise<string[]> {
  const { rows: left } = await sql<{ id: string; account_id: string; is_admin: boolean }>`
    select t.id, t.account_id, t.role = 'ADMIN' and t.scope_project is null as is_admin from sys_accounts_role_grants t
    where t.scope_org = ${orgId} and t.by_group and t.account_id = any(${accountIds}::uuid[]) and not exists (
      select from ${wanted(orgId, accountIds)} w where w.account_id = t.account_id and w.role = t.role and w.scope_project is not distinct from t.scope_project)`.execute(tx);
  const admins = left.filter(({ is_admin }) => is_admin);
  const keep = admins.length > 0 && !(await othersAre(tx, orgId, admins.map(({ id }) => id))) ? admins : [];
  if (keep.length > 0 && ofLastAdmin === 'refused') throw errors.LAST_ADMIN({ of: `org ${orgId}` });
  const gone = left.filter((grant) => !keep.includes(grant));
  if (gone.length > 0) await tx.deleteFrom('sys_accounts_role_grants').where('id', '=', sql<string>`any(${gone.map(({ id }) => id)}::uuid[])`).execute();
  return gone.map(({ account_id }) => account_id);
}

/** Whether an org has administrators beside those who have the role by these grants. */
async function othersAre(tx: Tx, orgId: string, grantIds: readonly string[]): Promise<boolean> {
  const other = await tx.selectFrom('sys_accounts_role_grants').select('id').where('scope_org', '=', orgId).where('role', '=', 'ADMIN').where('scope_project', 'is', null).where('id', '<>', sql<string>`all(${grantIds}::uuid[])`).limit(1).executeTakeFirst();
  return other !== undefined;
}

/** Tells other modules, and the guard, of the roles that members have now. */
async function announce(tx: Tx, orgId: string, accountIds: readonly string[]): Promise<void> {
  const grants: (GrantRow & { account_id: string })[] = await tx.selectFrom('sys_accounts_role_grants').select(['account_id', 'role', 'scope_org', 'scope_project']).where('scope_org', '=', orgId).where('account_id', '=', sql<string>`any(${accountIds}::uuid[])`).orderBy('id').execute();
  const byAccount = Map.groupBy(grants, ({ account_id }) => account_id);
  for (const accountId of accountIds) await tx.emit(MembershipChangedSchema, { orgId, accountId, roles: (byAccount.get(accountId) ?? []).map(roleGrant) }, { aggregate: accountId });
}
