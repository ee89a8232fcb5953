import type { Transaction } from '@mainstay/kernel';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';

/**
 * Refuses to leave an org that has an administrator without one. Locks the org until the transaction ends, so
 * that two administrators can't take each other's role at once; who gets a role in it meanwhile need not wait.
 */
export async function requireAnotherAdmin(tx: Transaction<Tables>, orgId: string, accountId: string): Promise<void> {
  await tx.selectFrom('sys_accounts_orgs').select('id').where('id', '=', orgId).forNoKeyUpdate().execute();
  const admins = await tx.selectFrom('sys_accounts_role_grants').select('account_id').where('scope_org', '=', orgId).where('scope_project', 'is', null).where('role', '=', 'ADMIN').execute();
  if (admins.some(({ account_id }) => account_id === accountId) && admins.every(({ account_id }) => account_id === accountId)) throw errors.LAST_ADMIN({ of: `org ${orgId}` });
}
