import { currentCall, type Database } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Account, FindAccountsRequest } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';
import { publicAccount } from './account-message.ts';

/** The accounts with these ids or e-mail addresses, as far as they are members of the org the call acts in. */
export async function findAccounts(db: Database<Tables>, { accountIds, emails }: FindAccountsRequest): Promise<{ accounts: Account[] }> {
  const { principal } = currentCall();
  const orgId = principal.kind === 'anonymous' ? undefined : principal.orgId;
  if (!orgId) throw errors.NO_ORG();
  const lowered = emails.map((email) => email.toLowerCase());
  const rows = await db.read((q) =>
    q
      .selectFrom('sys_accounts_accounts as a')
      .selectAll('a')
      .where((where) => where.or([where('a.id', '=', sql<string>`any(${accountIds}::uuid[])`), where(sql`lower(a.email)`, '=', sql`any(${lowered}::text[])`)]))
      .where((where) => where.exists(where.selectFrom('sys_accounts_role_grants as g').select('g.id').whereRef('g.account_id', '=', 'a.id').where('g.scope_org', '=', orgId)))
      .execute(),
  );
  return { accounts: rows.map(publicAccount) };
}
