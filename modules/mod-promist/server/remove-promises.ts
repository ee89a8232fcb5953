import { runInOrg } from '@mainstay/kernel';
import type { AccountClosed } from '@mainstay/sys-accounts/contract';
import type { Needs } from './needs.ts';

/** Removes what a person whose account is closed had here. Safe to run twice. */
export async function removePromises({ db }: Pick<Needs, 'db'>, { accountId, orgIds }: AccountClosed): Promise<void> {
  for (const orgId of orgIds) await runInOrg(orgId, () => remove(db, accountId));
}

const remove = (db: Needs['db'], accountId: string) =>
  db.write(async (tx) => {
    await tx.deleteFrom('mod_promist_promises').where('owner_id', '=', accountId).execute();
    await tx.deleteFrom('mod_promist_contacts').where('owner_id', '=', accountId).execute();
    await tx.deleteFrom('mod_promist_shares').where('account_id', '=', accountId).execute();
    await tx.deleteFrom('mod_promist_notifications').where('account_id', '=', accountId).execute();
    await tx.updateTable('mod_promist_promises').set({ promisee_account_id: null, promisee_name: 'a closed account' }).where('promisee_account_id', '=', accountId).execute();
  });
