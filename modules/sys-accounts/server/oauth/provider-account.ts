import type { Account } from 'oidc-provider';
import type { Needs } from '../needs.ts';
import { grantsOf } from '../account-message.ts';

/** The person with that id, whose claims are read when they are asked for (OpenID Connect Core 1.0, 5.1); none whose account cannot be used. */
export async function findProviderAccount({ db }: Pick<Needs, 'db'>, accountId: string): Promise<Account | undefined> {
  const row = await db.read((q) => q.selectFrom('sys_accounts_accounts').selectAll().where('id', '=', accountId).where('state', '=', 'ACTIVE').executeTakeFirst());
  if (!row) return undefined;
  return {
    accountId,
    async claims(_use, scope) {
      const roles = scope.split(' ').includes('roles') ? ((await db.read((q) => grantsOf(q, [accountId]))).get(accountId) ?? []) : [];
      return {
        sub: accountId,
        email: row.email ?? undefined,
        email_verified: row.email_verified_at !== null,
        name: row.display_name,
        locale: row.language,
        zoneinfo: row.time_zone,
        updated_at: Math.floor(row.updated_at.getTime() / 1000),
        ...(row.avatar_url !== '' && { picture: row.avatar_url }),
        roles: roles.map(({ role, scope_org, scope_project }) => ({ role, ...(scope_org && { org_id: scope_org }), ...(scope_project && { project_id: scope_project }) })),
      };
    },
  };
}
