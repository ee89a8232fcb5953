import type { Transaction } from '@mainstay/kernel';
import type { Tables } from '../../database/tables.ts';

/** Removes everything beside the password that an account logs in with, and the logins that wait for it. */
export async function removeSecondFactors(tx: Transaction<Tables>, accountId: string): Promise<void> {
  await tx.deleteFrom('sys_accounts_second_factors').where('account_id', '=', accountId).execute();
  await removeWhatGoesWithThem(tx, accountId);
}

/** Removes what is of no use without a second factor. */
export async function removeWhatGoesWithThem(tx: Transaction<Tables>, accountId: string): Promise<void> {
  await tx.deleteFrom('sys_accounts_recovery_codes').where('account_id', '=', accountId).execute();
  await tx.deleteFrom('sys_accounts_remembered_devices').where('account_id', '=', accountId).execute();
  await tx.deleteFrom('sys_accounts_logins').where('account_id', '=', accountId).execute();
}
