import type { Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { announced } from '../member-methods.ts';
import { memberOf } from '../members.ts';
import { byHand } from '../roles.ts';

interface Decision {
  id: string;
  /** Of which org it must be, or whose. */
  orgId?: string;
  accountId?: string;
  state: 'APPROVED' | 'DECLINED' | 'WITHDRAWN';
  answer: string;
  deciderId: string;
}

/** Decides a request that is open, and grants the role if it is approved. Of several decisions at once one counts. */
export async function decide(tx: Transaction<Tables>, { id, orgId, accountId, state, answer, deciderId }: Decision): Promise<void> {
  const found = await tx
    .selectFrom('sys_accounts_user_requests')
    .selectAll()
    .where('id', '=', id)
    .$if(orgId !== undefined, (all) => all.where('owner_org', '=', orgId!))
    .$if(accountId !== undefined, (all) => all.where('account_id', '=', accountId!))
    .forUpdate()
    .executeTakeFirst();
  if (!found) throw errors.REQUEST_NOT_FOUND({ userRequestId: id });
  if (found.state !== 'OPEN') throw errors.REQUEST_DECIDED({ state: found.state });
  await tx.updateTable('sys_accounts_user_requests').set({ state, answer, decider_id: deciderId, decided_at: sql<Date>`now()` }).where('id', '=', id).execute();
  if (state !== 'APPROVED' || !found.role) return;
  // Who has left the org meanwhile comes back by an invitation alone.
  if (!(await memberOf(tx, found.owner_org).where('a.id', '=', found.account_id).executeTakeFirst())) throw errors.MEMBER_NOT_FOUND({ accountId: found.account_id });
  await tx.insertInto('sys_accounts_role_grants').values({ account_id: found.account_id, role: found.role, scope_org: found.owner_org, scope_project: found.scope_project }).onConflict(byHand).execute();
  await announced(tx, found.owner_org, found.account_id);
}
