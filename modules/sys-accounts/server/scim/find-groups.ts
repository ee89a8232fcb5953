import { sql, type RawBuilder } from 'kysely';
import type { Reader } from '../needs.ts';
import type { AttributePath } from './attribute.ts';
import type { Columns } from './compile-filter.ts';
import type { Search } from './find-people.ts';

/** A group of an org's directory. */
export interface GroupRow {
  id: string;
  display_name: string;
  external_id: string | null;
  version: number;
  created_at: Date;
  updated_at: Date;
}

/** Somebody in a group, or a group that somebody is in. */
export interface Membership {
  group_id: string;
  account_id: string;
  display: string | null;
}

/** Where the attributes of groups lie. */
export const groupColumns: Columns = {
  value: ({ attribute, sub }: AttributePath) => {
    const own: Record<string, RawBuilder<unknown>> = { id: sql`g.id::text`, displayName: sql`g.display_name`, externalId: sql`g.external_id`, 'meta.created': sql`g.created_at`, 'meta.lastModified': sql`g.updated_at`, 'meta.resourceType': sql`'Group'` };
    return own[sub ? `${attribute.name}.${sub.name}` : attribute.name];
  },
  elements: () => sql`(select jsonb_build_object('value', i.account_id::text, 'type', 'User') as element from sys_accounts_directory_group_members i where i.group_id = g.id) as e`,
};

/** Finds groups of an org, and counts all that match. */
export async function findGroups(q: Reader, orgId: string, { condition, orderBy, offset, limit }: Search): Promise<{ rows: GroupRow[]; total: number }> {
  const where = sql`from sys_accounts_directory_groups g where g.owner_org = ${orgId} and ${condition ?? sql`true`}`;
  const [found, counted] = await Promise.all([
    limit === 0 ? { rows: [] } : sql<GroupRow>`select g.* ${where} order by ${orderBy ? sql`${orderBy}, g.id` : sql`g.id`} limit ${limit} offset ${offset}`.execute(q),
    sql<{ total: number }>`select count(*)::int as total ${where}`.execute(q),
  ]);
  return { rows: found.rows, total: counted.rows[0]!.total };
}

/** One group of an org. */
export const groupOf = (q: Reader, orgId: string, id: string) => q.selectFrom('sys_accounts_directory_groups').selectAll().where('id', '=', id).where('owner_org', '=', orgId);

/** Who is in these groups, by their names here. */
export const membersOf = (q: Reader, groupIds: readonly string[]): Promise<Membership[]> =>
  q
    .selectFrom('sys_accounts_directory_group_members as i')
    .innerJoin('sys_accounts_accounts as a', 'a.id', 'i.account_id')
    .select(['i.group_id', 'i.account_id', 'a.display_name as display'])
    .where('i.group_id', '=', sql<string>`any(${groupIds}::uuid[])`)
    .orderBy('i.account_id')
    .execute();

/** In which groups of an org these people are. */
export const groupsOf = (q: Reader, orgId: string, accountIds: readonly string[]): Promise<Membership[]> =>
  q
    .selectFrom('sys_accounts_directory_group_members as i')
    .innerJoin('sys_accounts_directory_groups as g', 'g.id', 'i.group_id')
    .select(['i.group_id', 'i.account_id', 'g.display_name as display'])
    .where('i.account_id', '=', sql<string>`any(${accountIds}::uuid[])`)
    .where('g.owner_org', '=', orgId)
    .orderBy('g.id')
    .execute();
