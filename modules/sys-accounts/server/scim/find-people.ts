import { sql, type RawBuilder } from 'kysely';
import type { Reader } from '../needs.ts';
import type { AttributePath, Json } from './attribute.ts';
import type { Columns } from './compile-filter.ts';
import type { Filter } from './filter.ts';

/** A person as an org's directory sees them. */
export interface PersonRow {
  id: string;
  /** What the directory said of them; of a member of whom it said nothing, what their account says. */
  resource: Json;
  active: boolean;
  /** 0 of whom the directory has said nothing. */
  version: number;
  created_at: Date;
  updated_at: Date;
}

type Ids = RawBuilder<unknown>;

/** The people whom an org sees: its members, and whom its directory told of. */
const everybody = (orgId: string): Ids => sql`(
  select account_id from sys_accounts_role_grants where scope_org = ${orgId}
  union select account_id from sys_accounts_directory_users where owner_org = ${orgId})`;

/** These, as rows to read or to filter. */
const peopleAmong = (orgId: string, ids: Ids): RawBuilder<PersonRow> => sql`(
  select a.id, coalesce(d.version, 0) as version, coalesce(d.created_at, a.created_at) as created_at, coalesce(d.updated_at, a.updated_at) as updated_at,
    not (a.state = 'LOCKED' and a.managing_org is not distinct from ${orgId}::uuid) and m.id is not null as active,
    coalesce(d.resource, jsonb_build_object('userName', a.email, 'displayName', a.display_name, 'name', jsonb_build_object('formatted', a.display_name), 'preferredLanguage', a.language,
      'timezone', a.time_zone, 'emails', jsonb_build_array(jsonb_build_object('value', a.email, 'type', 'work', 'primary', true)))) as resource
  from ${ids} i
  -- Each by itself, or PostgreSQL reads all accounts of the platform to find those of a larger org.
  join lateral (select * from sys_accounts_accounts where id = i.account_id offset 0) a on true
  left join lateral (select * from sys_accounts_directory_users where owner_org = ${orgId} and account_id = i.account_id offset 0) d on true
  left join lateral (select id from sys_accounts_role_grants where account_id = i.account_id and scope_org = ${orgId} limit 1) m on true
  where d.account_id is not null or m.id is not null) as u`;

/** Where the attributes of people lie in them. */
export const personColumns = (orgId: string): Columns => ({
  value: ({ attribute, sub }: AttributePath) => {
    const own: Record<string, RawBuilder<unknown>> = { id: sql`u.id::text`, active: sql`u.active`, 'meta.created': sql`u.created_at`, 'meta.lastModified': sql`u.updated_at`, 'meta.resourceType': sql`'User'` };
    const found = own[sub ? `${attribute.name}.${sub.name}` : attribute.name];
    if (found || attribute.name === 'meta') return found;
    return sub ? sql`(u.resource -> ${sql.lit(attribute.name)} ->> ${sql.lit(sub.name)})` : sql`(u.resource ->> ${sql.lit(attribute.name)})`;
  },
  elements: ({ attribute }) =>
    attribute.name === 'groups'
      ? sql`(select jsonb_build_object('value', g.id::text, 'display', g.display_name, 'type', 'direct') as element
          from sys_accounts_directory_group_members i join sys_accounts_directory_groups g on g.id = i.group_id where i.account_id = u.id and g.owner_org = ${orgId}) as e`
      : sql`jsonb_array_elements(u.resource -> ${sql.lit(attribute.name)}) as e(element)`,
});

/** What to find, and which part of it. */
export interface Search {
  filter?: Filter | undefined;
  /** The condition of SQL that the filter stands for. */
  condition?: RawBuilder<unknown> | undefined;
  orderBy?: RawBuilder<unknown> | undefined;
  offset: number;
  limit: number;
}

/** Finds people of an org, and counts all that match. */
export async function findPeople(q: Reader, orgId: string, { filter, condition, orderBy, offset, limit }: Search): Promise<{ rows: PersonRow[]; total: number }> {
  if (!condition && !orderBy) return pageOfEverybody(q, orgId, offset, limit);
  const people = peopleAmong(orgId, (filter && candidates(orgId, filter)) ?? everybody(orgId));
  const where = sql`from ${people} where ${condition ?? sql`true`}`;
  const [found, counted] = await Promise.all([
    limit === 0 ? { rows: [] } : sql<PersonRow>`select u.* ${where} order by ${orderBy ? sql`${orderBy}, u.id` : sql`u.id`} limit ${limit} offset ${offset}`.execute(q),
    sql<{ total: number }>`select count(*)::int as total ${where}`.execute(q),
  ]);
  return { rows: found.rows, total: counted.rows[0]!.total };
}

/** One person of an org; nothing if it does not see them. */
export async function findPerson(q: Reader, orgId: string, id: string): Promise<PersonRow | undefined> {
  return (await sql<PersonRow>`select u.* from ${peopleAmong(orgId, sql`(select ${id}::uuid as account_id)`)}`.execute(q)).rows[0];
}

/** Of many people only those of the page are looked at. */
async function pageOfEverybody(q: Reader, orgId: string, offset: number, limit: number) {
  const [found, counted] = await Promise.all([
    limit === 0 ? { rows: [] } : sql<PersonRow>`select u.* from ${peopleAmong(orgId, sql`(select account_id from ${everybody(orgId)} p order by account_id limit ${limit} offset ${offset})`)} order by u.id`.execute(q),
    sql<{ total: number }>`select count(*)::int as total from ${everybody(orgId)} p`.execute(q),
  ]);
  return { rows: found.rows, total: counted.rows[0]!.total };
}

/** Among whom a filter can find somebody, where an index says that: by the names that directories look people up with. */
function candidates(orgId: string, filter: Filter): Ids | undefined {
  const parts = filter.kind === 'and' ? filter.parts : [filter];
  for (const part of parts) {
    if (part.kind !== 'compare' || part.comparator !== 'eq' || typeof part.value !== 'string') continue;
    const found = lookUps[part.path.attribute.name]?.(orgId, part.value);
    if (found) return found;
  }
  return undefined;
}

const lookUps: Readonly<Record<string, (orgId: string, value: string) => Ids>> = {
  id: (_, value) => (isId(value) ? sql`(select ${value}::uuid as account_id)` : sql`(select null::uuid as account_id where false)`),
  userName: (orgId, value) => sql`(
    select account_id from sys_accounts_directory_users where owner_org = ${orgId} and lower(resource ->> 'userName') = lower(${value}::text)
    union select id from sys_accounts_accounts where lower(email) = lower(${value}::text))`,
  externalId: (orgId, value) => sql`(select account_id from sys_accounts_directory_users where owner_org = ${orgId} and resource ->> 'externalId' = ${value}::text)`,
};

/** Whether a text is the id of anything here. */
export const isId = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
