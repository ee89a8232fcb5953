import type { Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import { AccountLockedSchema, AccountUnlockedSchema } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import type { AccountRow } from '../account-message.ts';
import { followGroups } from '../directory/groups.ts';
import { managerOf } from '../directory/managed-accounts.ts';
import { requireAnotherAdmin } from '../last-admin.ts';
import { announced, leave } from '../member-methods.ts';
import { addMember } from '../members.ts';
import { endSessions } from '../sessions.ts';

type Tx = Transaction<Tables>;

const reason = 'the directory of the org says that the person is not active';

/**
 * Lets nobody log in to an account that the org looks after, and ends its sessions; of another account it ends the membership.
 * Throws `LAST_ADMIN`.
 */
export async function switchOff(tx: Tx, orgId: string, account: AccountRow): Promise<void> {
  await requireAnotherAdmin(tx, orgId, account.id);
  if ((await managerOf(tx, account)) !== orgId) return leave(tx, orgId, account.id);
  // What an operator locked stays so, whatever the directory says later.
  if (account.state !== 'ACTIVE' && account.state !== 'DORMANT') return;
  await setState(tx, account.id, { state: 'LOCKED', lock_reason: reason, locking_org: orgId });
  await endSessions(tx, { accountId: account.id });
  await tx.emit(AccountLockedSchema, { accountId: account.id, reason }, { aggregate: account.id });
}

/** Undoes that: who is no member becomes one, with the roles of their groups; roles that were given by hand before are not given again. */
export async function switchOn(tx: Tx, orgId: string, account: AccountRow): Promise<void> {
  await unlock(tx, orgId, account);
  if (account.state === 'DORMANT' && (await managerOf(tx, account)) === orgId) await setState(tx, account.id, { state: 'ACTIVE' });
  if (!(await isMember(tx, orgId, account.id))) {
    await addMember(tx, orgId, account.id, 'USER');
    await announced(tx, orgId, account.id);
  }
  await followGroups(tx, orgId, [account.id], 'refused');
}

/** Unlocks what the directory of the org locked. */
export async function unlock(tx: Tx, orgId: string, { id, state, locking_org }: AccountRow): Promise<void> {
  if (state !== 'LOCKED' || locking_org !== orgId) return;
  await setState(tx, id, { state: 'ACTIVE', lock_reason: '', locking_org: null });
  await tx.emit(AccountUnlockedSchema, { accountId: id }, { aggregate: id });
}

/** Whether an account has a role in an org. */
export async function isMember(tx: Tx, orgId: string, accountId: string): Promise<boolean> {
  return (await tx.selectFrom('sys_accounts_role_grants').select('id').where('account_id', '=', accountId).where('scope_org', '=', orgId).limit(1).executeTakeFirst()) !== undefined;
}

async function setState(tx: Tx, id: string, change: Partial<Pick<AccountRow, 'state' | 'lock_reason' | 'locking_org'>>): Promise<void> {
  await tx.updateTable('sys_accounts_accounts').set({ ...change, version: sql<number>`version + 1`, updated_at: sql<Date>`now()` }).where('id', '=', id).execute();
  tx.changed(id);
}
