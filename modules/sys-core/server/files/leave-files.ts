import { runInOrg } from '@mainstay/kernel';
import type { AccountClosed } from '@mainstay/sys-accounts/contract';
import type { FilesNeeds } from './needs.ts';
import { remove } from './upload-file.ts';

/** Removes the private files of a person whose account is closed; those that the org reads stay, without an owner. Safe to run twice. */
export async function leaveFiles({ db }: Pick<FilesNeeds, 'db'>, { accountId, orgIds }: AccountClosed): Promise<void> {
  for (const orgId of orgIds) await runInOrg(orgId, () => leaveOrg(db, accountId));
}

const leaveOrg = (db: FilesNeeds['db'], accountId: string) =>
  db.write(async (tx) => {
    const rows = await tx.selectFrom('sys_core_files').selectAll().where('owner_account_id', '=', accountId).where('visibility', '=', 'PRIVATE').execute();
    for (const row of rows) await remove({ db }, row);
    await tx.updateTable('sys_core_files').set({ owner_account_id: null }).where('owner_account_id', '=', accountId).execute();
  });
