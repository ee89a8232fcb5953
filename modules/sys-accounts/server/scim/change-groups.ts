import { requireMatch, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { followGroups } from '../directory/groups.ts';
import { requireSharedOrg } from '../member-methods.ts';
import type { Json } from './attribute.ts';
import { groupOf, type GroupRow } from './find-groups.ts';
import { isId } from './find-people.ts';
import { scimErrors } from './scim-errors.ts';

type Tx = Transaction<Tables>;

/** What is to change in a group; what is absent stays. */
export interface GroupChange {
  displayName?: string;
  /** Null takes it away. */
  externalId?: string | null;
  /** Who is in it from now on, and nobody else. */
  members?: readonly string[];
  added?: readonly string[];
  removed?: readonly string[];
}

/** What a directory says of a whole group, as a change of whatever there is. */
export const wholeGroup = ({ displayName, externalId, members }: Json): GroupChange & { displayName: string } => ({ displayName: displayName as string, externalId: (externalId as string | undefined) ?? null, members: idsOf(members) });

/** The ids of members, as they were sent. Throws `invalidValue` for groups: only people are kept. */
export function idsOf(members: unknown): string[] {
  return ((members ?? []) as Json[]).map(({ value, type, $ref }) => {
    if (typeof value !== 'string' || !isId(value)) throw scimErrors.invalidValue('members: value is the id of a user of the org');
    if (type !== undefined && String(type).toLowerCase() !== 'user') throw scimErrors.invalidValue('members: groups in groups are not kept, add their users');
    if (/\/Groups\//.test(String($ref ?? ''))) throw scimErrors.invalidValue('members: groups in groups are not kept, add their users');
    return value;
  });
}

/** Makes a group; gives its id. Who is in it gets the roles that it gives. */
export async function createGroup(tx: Tx, orgId: string, { displayName, externalId = null, members = [] }: GroupChange & { displayName: string }): Promise<string> {
  await requireSharedOrg(tx, orgId);
  const row = await tx.insertInto('sys_accounts_directory_groups').values({ owner_org: orgId, display_name: displayName, external_id: externalId }).onConflict((conflict) => conflict.doNothing()).returning('id').executeTakeFirst();
  if (!row) throw nameTaken(displayName);
  await addMembers(tx, orgId, row.id, members);
  await followThose(tx, orgId, [displayName], members);
  return row.id;
}

/** Changes a group step by step, and the roles of whom that concerns. Throws `LAST_ADMIN` if it would leave the org without an administrator. */
export async function changeGroup(tx: Tx, orgId: string, id: string, changes: readonly GroupChange[]): Promise<void> {
  const before = await lockGroup(tx, orgId, id);
  const { displayName = before.display_name, externalId = before.external_id } = Object.assign({}, ...changes) as GroupChange;
  await rename(tx, orgId, before, displayName, externalId);
  const concerned: string[] = [];
  for (const change of changes) concerned.push(...(await changeMembers(tx, orgId, id, change)));
  if (displayName !== before.display_name) concerned.push(...(await memberIds(tx, id)));
  await followThose(tx, orgId, [before.display_name, displayName], concerned);
}

/** Changes who is in a group; gives whom that concerns. */
async function changeMembers(tx: Tx, orgId: string, id: string, { members, added = members ?? [], removed = [] }: GroupChange): Promise<readonly string[]> {
  const staying = new Set(members);
  const gone = members ? (await memberIds(tx, id)).filter((each) => !staying.has(each)) : removed;
  if (gone.length > 0) await tx.deleteFrom('sys_accounts_directory_group_members').where('group_id', '=', id).where('account_id', '=', sql<string>`any(${gone}::uuid[])`).execute();
  await addMembers(tx, orgId, id, added);
  return [...gone, ...added];
}

/** Deletes a group, and takes the roles that it alone gave. */
export async function deleteGroup(tx: Tx, orgId: string, id: string): Promise<void> {
  const { display_name } = await lockGroup(tx, orgId, id);
  const people = await memberIds(tx, id);
  await tx.deleteFrom('sys_accounts_directory_groups').where('id', '=', id).execute();
  await followThose(tx, orgId, [display_name], people);
}

async function lockGroup(tx: Tx, orgId: string, id: string): Promise<GroupRow> {
  const row = isId(id) ? await groupOf(tx, orgId, id).forUpdate().executeTakeFirst() : undefined;
  if (!row) throw scimErrors.notFound('group', id);
  requireMatch(row.version);
  return row;
}

async function rename(tx: Tx, orgId: string, { id, display_name }: GroupRow, displayName: string, externalId: string | null): Promise<void> {
  if (displayName.toLowerCase() !== display_name.toLowerCase()) {
    const other = await tx.selectFrom('sys_accounts_directory_groups').select('id').where('owner_org', '=', orgId).where(sql`lower(display_name)`, '=', sql<string>`lower(${displayName}::text)`).executeTakeFirst();
    if (other) throw nameTaken(displayName);
  }
  await tx.updateTable('sys_accounts_directory_groups').set({ display_name: displayName, external_id: externalId, version: sql<number>`version + 1`, updated_at: sql<Date>`now()` }).where('id', '=', id).execute();
}

/** Throws `invalidValue` for somebody whom the org does not see. */
async function addMembers(tx: Tx, orgId: string, id: string, accountIds: readonly string[]): Promise<void> {
  if (accountIds.length === 0) return;
  const { rows } = await sql<{ id: string }>`
    select i.id::text from unnest(${accountIds}::uuid[]) as i(id)
    where not exists (select from sys_accounts_role_grants where account_id = i.id and scope_org = ${orgId})
      and not exists (select from sys_accounts_directory_users where account_id = i.id and owner_org = ${orgId}) limit 1`.execute(tx);
  if (rows[0]) throw scimErrors.invalidValue(`members: the org has no user ${rows[0].id}`);
  await sql`insert into sys_accounts_directory_group_members (group_id, account_id) select ${id}, unnest(${accountIds}::uuid[]) on conflict do nothing`.execute(tx);
}

async function memberIds(tx: Tx, id: string): Promise<string[]> {
  return (await tx.selectFrom('sys_accounts_directory_group_members').select('account_id').where('group_id', '=', id).execute()).map(({ account_id }) => account_id);
}

/** Most groups give no roles, so that nothing is to be done for those in them. */
async function followThose(tx: Tx, orgId: string, names: readonly string[], people: readonly string[]): Promise<void> {
  const mapped = await tx.selectFrom('sys_accounts_group_mappings').select('id').where('owner_org', '=', orgId).where('group_name', 'in', names).limit(1).executeTakeFirst();
  if (mapped) await followGroups(tx, orgId, [...new Set(people)], 'refused');
}

const nameTaken = (displayName: string) => scimErrors.uniqueness(`the org has a group ${displayName} already`);
