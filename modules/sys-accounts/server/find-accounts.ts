import { currentCall, type Database } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Account, FindAccountsRequest } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';
import { publicAccount } from './account-message.ts';
import type { Reader } from './needs.ts';

const mostCached = 50;

/** The accounts with these ids or e-mail addresses, as far as they are members of the org the call acts in. */
export async function findAccounts(db: Database<Tables>, { accountIds, emails }: FindAccountsRequest): Promise<{ accounts: Account[] }> {
  const { principal } = currentCall();
  const orgId = principal.kind === 'anonymous' ? undefined : principal.orgId;
  if (!orgId) throw errors.NO_ORG();
  const lowered = emails.map((email) => email.toLowerCase());
  const find = (q: Reader) =>
    q
      .selectFrom('sys_accounts_accounts as a')
      .selectAll('a')
      .where((where) => where.or([where('a.id', '=', sql<string>`any(${accountIds}::uuid[])`), where(sql`lower(a.email)`, '=', sql`any(${lowered}::text[])`)]))
      .where((where) => where.exists(where.selectFrom('sys_accounts_role_grants as g').select('g.id').whereRef('g.account_id', '=', 'a.id').where('g.scope_org', '=', orgId)))
      .execute();
  // Whoever shows promises asks for the same names over and over; an address may be somebody's at any time.
  const cached = { name: 'accounts by id', by: accountIds, reads: [orgId, ...accountIds] };
  const rows = await (emails.length > 0 || accountIds.length > mostCached ? db.read(find) : db.readCached(cached, find));
  return { accounts: rows.map(publicAccount) };
}
