import { currentCall, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { AcceptInvitationRequest } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import type { AccountRow } from '../account-message.ts';
import { checkProfile } from '../check-profile.ts';
import { announced } from '../member-methods.ts';
import type { Needs } from '../needs.ts';
import { checkNewPassword } from '../password-strength/check-new-password.ts';
import { hashPassword } from '../passwords.ts';
import { provePassword } from '../prove-password.ts';
import { registerPerson, type Person } from '../register-person.ts';
import { byHand } from '../roles.ts';
import { openInvitation, type InvitationRow } from './open-invitation.ts';

type Tx = Transaction<Tables>;

/** Makes who accepts an invitation a member of its org. */
export async function acceptInvitation(needs: Needs, request: AcceptInvitationRequest): Promise<{ orgId: string; accountId: string; isNew: boolean }> {
  const invitation = await openInvitation(needs, request.token);
  const account = await needs.db.read((q) => q.selectFrom('sys_accounts_accounts').selectAll().where(sql`lower(email)`, '=', invitation.email.toLowerCase()).executeTakeFirst());
  const person = account ? undefined : await personOf(needs, invitation, request);
  if (account) await proveSelf(needs, account, request.password);
  return needs.db.write(async (tx) => {
    // Of several who accept at once one removes it.
    const { numDeletedRows } = await tx.deleteFrom('sys_accounts_invitations').where('id', '=', invitation.id).executeTakeFirst();
    const accountId = account?.id ?? (await registerPerson(tx, person!));
    if (numDeletedRows === 0n || !accountId) throw errors.LINK_INVALID();
    await join(tx, invitation, accountId);
    return { orgId: invitation.owner_org, accountId, isNew: account === undefined };
  });
}

/** Only who is signed in with the address, or knows its password, accepts for an account that is there. */
async function proveSelf(needs: Needs, account: AccountRow, password: string): Promise<void> {
  const { principal } = currentCall();
  if (principal.kind === 'account' && principal.accountId !== account.id) throw errors.INVITATION_OF_ANOTHER();
  if (principal.kind !== 'account') await provePassword(needs, { email: account.email!, account, wrong: errors.WRONG_CREDENTIALS() }, password);
  if (account.state === 'LOCKED') throw errors.ACCOUNT_LOCKED({ reason: account.lock_reason });
}

async function personOf({ config }: Needs, { email, language }: InvitationRow, given: AcceptInvitationRequest): Promise<Person> {
  if (currentCall().principal.kind === 'account') throw errors.INVITATION_OF_ANOTHER();
  const person = { email, displayName: given.displayName.trim() || email.split('@')[0]!, language: given.language || language, timeZone: given.timeZone || 'UTC' };
  checkProfile({ language: person.language, time_zone: person.timeZone });
  await checkNewPassword(config, { password: given.password, email, displayName: given.displayName, field: 'password' });
  return { ...person, passwordHash: await hashPassword(config, given.password) };
}

async function join(tx: Tx, { owner_org, role, scope_project }: InvitationRow, accountId: string): Promise<void> {
  await tx.insertInto('sys_accounts_role_grants').values({ account_id: accountId, role, scope_org: owner_org, scope_project }).onConflict(byHand).execute();
  // Who read the e-mail has the address, which wakes an account that rests.
  await tx.updateTable('sys_accounts_accounts').set({ state: sql<'ACTIVE'>`case state when 'DORMANT' then 'ACTIVE' else state end`, home_org: sql<string>`coalesce(home_org, ${owner_org})`, email_verified_at: sql<Date>`coalesce(email_verified_at, now())` }).where('id', '=', accountId).execute();
  await announced(tx, owner_org, accountId);
}
