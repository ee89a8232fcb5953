import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { etagOf, prepared } from '@mainstay/kernel';
import { sql, type Selectable } from 'kysely';
import { AccountSchema, AccountState, type Account } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import type { Reader } from './needs.ts';
import { roleGrant, type GrantRow } from './roles.ts';

export type AccountRow = Selectable<Tables['sys_accounts_accounts']>;

/** An account as the members of its orgs see it. */
export const publicAccount = (row: AccountRow): Account => create(AccountSchema, publicFields(row));

/** An account as the person and operators see it. */
export const fullAccount = (row: AccountRow, grants: readonly GrantRow[]): Account =>
  create(AccountSchema, {
    ...publicFields(row),
    lockReason: row.lock_reason,
    emailVerified: row.email_verified_at !== null,
    personalOrgId: row.personal_org,
    roles: grants.map(roleGrant),
    lastLoginTime: row.last_login_at ? timestampFromDate(row.last_login_at) : undefined,
    etag: etagOf(row.version, [row.last_login_at, grants]),
  });

/** The roles of accounts, by account. */
export async function grantsOf(q: Reader, accountIds: readonly string[]): Promise<Map<string, GrantRow[]>> {
  if (accountIds.length === 0) return new Map();
  const rows = await q.selectFrom('sys_accounts_role_grants').select(['account_id', 'role', 'scope_org', 'scope_project']).where('account_id', 'in', accountIds).orderBy('id').execute();
  return Map.groupBy(rows, ({ account_id }) => account_id);
}

/** One account in full; its row must exist. */
export async function readFullAccount(q: Reader, accountId: string): Promise<Account> {
  const found = await accountWithGrants.first(q, { accountId });
  if (!found) throw new Error(`there is no row of the account ${accountId}`);
  const { grants, ...row } = found;
  return fullAccount(row, grants);
}

const accountWithGrants = prepared<Tables>()((q, { accountId }: { accountId: string }) =>
  q
    .selectFrom('sys_accounts_accounts as a')
    .selectAll('a')
    // As `grantsOf` reads them, since the version of the account depends on them.
    .select(sql<GrantRow[]>`(select coalesce(json_agg(json_build_object('account_id', g.account_id, 'role', g.role, 'scope_org', g.scope_org, 'scope_project', g.scope_project) order by g.id), '[]') from sys_accounts_role_grants g where g.account_id = a.id)`.as('grants'))
    .where('a.id', '=', accountId));

const publicFields = (row: AccountRow): MessageInitShape<typeof AccountSchema> => ({
  accountId: row.id,
  email: row.email ?? '',
  displayName: row.display_name,
  language: row.language,
  timeZone: row.time_zone,
  avatarUrl: row.avatar_url,
  state: AccountState[row.state],
  createTime: timestampFromDate(row.created_at),
  updateTime: timestampFromDate(row.updated_at),
  etag: etagOf(row.version),
});
