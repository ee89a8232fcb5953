import { managerOf } from '../directory/managed-accounts.ts';
import type { AccountRow } from '../account-message.ts';
import type { Needs } from '../needs.ts';

type Means = Pick<Needs, 'db' | 'settings'>;

/**
 * Whether an account may be logged in to by a password. One that an org looks after may not, as long as the org has a provider and does
 * not allow it (setting `managedPasswords`): who leaves the org, and is barred there, is barred here.
 */
export async function mayUsePassword({ db, settings }: Means, account: Pick<AccountRow, 'managing_org' | 'email'>): Promise<boolean> {
  if (account.managing_org === null) return true;
  const hasProvider = await db.read(async (q) => {
    const orgId = await managerOf(q, account);
    return orgId !== undefined && (await q.selectFrom('sys_accounts_identity_providers').select('id').where('owner_org', '=', orgId).where('disabled', '=', false).limit(1).executeTakeFirst()) !== undefined;
  });
  if (!hasProvider) return true;
  const allowed = await settings.getAll('managedPasswords');
  return allowed.byOrg.get(account.managing_org) ?? allowed.value;
}
