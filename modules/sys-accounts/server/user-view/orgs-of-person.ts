import { sql } from 'kysely';
import type { Reader } from '../needs.ts';
import { roleGrant, type GrantRow } from '../roles.ts';

/** The projects of an org that somebody sees: all by a role in the whole org, else those of their roles. */
const projects = sql<{ id: string; name: string }[]>`(
  select coalesce(json_agg(json_build_object('id', p.id, 'name', p.name)), '[]') from (
    select p.id, p.name from sys_accounts_projects p
    where p.owner_org = o.id and (bool_or(g.scope_project is null) or p.id = any (array_agg(g.scope_project)))
    order by lower(p.name) limit 100) p)`;

/** The orgs of which somebody is a member, with their roles and projects. */
export async function orgsOf(q: Reader, accountId: string) {
  const rows = await q
    .selectFrom('sys_accounts_role_grants as g')
    .innerJoin('sys_accounts_orgs as o', 'o.id', 'g.scope_org')
    .select(['o.id', 'o.name', 'o.logo_url', 'o.personal'])
    .select(sql<GrantRow[]>`json_agg(json_build_object('role', g.role, 'scope_org', g.scope_org, 'scope_project', g.scope_project) order by g.id)`.as('grants'))
    .select(projects.as('projects'))
    .where('g.account_id', '=', accountId)
    .groupBy('o.id')
    .orderBy(sql`lower(o.name)`)
    .orderBy('o.id')
    .execute();
  return rows.map((row) => ({ orgId: row.id, name: row.name, logoUrl: row.logo_url, personal: row.personal, roles: row.grants.map(roleGrant), projects: row.projects.map(({ id, name }) => ({ projectId: id, name })) }));
}
