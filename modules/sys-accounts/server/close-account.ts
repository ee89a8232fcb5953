import type { Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import { AccountClosedSchema, type Account } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';
import { readFullAccount, type AccountRow } from './account-message.ts';
import { requireAnotherAdmin } from './last-admin.ts';
import { removeSecondFactors } from './second-factors/remove-second-factors.ts';
import { closedEmailHash } from './register-person.ts';
import { endSessions } from './sessions.ts';

type Tx = Transaction<Tables>;

/**
 * Closes an account for good: the personal data goes, the row stays so that what points at it still holds, and
 * the e-mail address can't register again. Other modules hear of it and remove theirs.
 */
export async function closeAccount(tx: Tx, { id, email, personal_org }: AccountRow): Promise<Account> {
  const grants = await tx.selectFrom('sys_accounts_role_grants').selectAll().where('account_id', '=', id).execute();
  const orgIds = [...new Set(grants.flatMap(({ scope_org }) => scope_org ?? []))].sort();
  for (const orgId of orgIds) if (orgId !== personal_org) await requireAnotherAdmin(tx, orgId, id);
  if (grants.some(({ role }) => role === 'SUPERADMIN')) await requireAnotherSuperadmin(tx, id);
  await tx.insertInto('sys_accounts_closed_emails').values({ email_hash: closedEmailHash(email!) }).onConflict((conflict) => conflict.doNothing()).execute();
  await endSessions(tx, { accountId: id });
  await tx.updateTable('sys_accounts_sessions').set({ client_address: '', device_name: '' }).where('account_id', '=', id).execute();
  await removeSecondFactors(tx, id);
  await tx.deleteFrom('sys_accounts_login_places').where('account_id', '=', id).execute();
  await tx.deleteFrom('sys_accounts_oauth_artifacts').where('account_id', '=', id).execute();
  await tx.deleteFrom('sys_accounts_saml_sessions').where('account_id', '=', id).execute();
  await tx.deleteFrom('sys_accounts_external_identities').where('account_id', '=', id).execute();
  await tx.deleteFrom('sys_accounts_directory_users').where('account_id', '=', id).execute();
  await tx.deleteFrom('sys_accounts_directory_group_members').where('account_id', '=', id).execute();
  await tx.deleteFrom('sys_accounts_login_groups').where('account_id', '=', id).execute();
  await tx.deleteFrom('sys_accounts_api_keys').where('account_id', '=', id).execute();
  await tx.deleteFrom('sys_accounts_registrations').where(sql`lower(email)`, '=', email!.toLowerCase()).execute();
  await tx.deleteFrom('sys_accounts_invitations').where(sql`lower(email)`, '=', email!.toLowerCase()).execute();
  await tx.deleteFrom('sys_accounts_user_requests').where('account_id', '=', id).execute();
  await tx.updateTable('sys_accounts_actings').set({ reason: '' }).where('account_id', '=', id).execute();
  await tx.deleteFrom('sys_accounts_email_changes').where('account_id', '=', id).execute();
  await tx.deleteFrom('sys_accounts_password_resets').where(sql`lower(email)`, '=', email!.toLowerCase()).execute();
  await tx.deleteFrom('sys_accounts_role_grants').where('account_id', '=', id).execute();
  await tx.updateTable('sys_accounts_orgs').set({ name: '', contact: '', logo_url: '', version: sql<number>`version + 1` }).where('id', '=', personal_org).execute();
  await tx
    .updateTable('sys_accounts_accounts')
    .set({ state: 'DEACTIVATED', email: null, password_hash: null, display_name: '', avatar_url: '', lock_reason: '', home_org: null, managing_org: null, locking_org: null, version: sql<number>`version + 1`, updated_at: sql<Date>`now()` })
    .where('id', '=', id)
    .execute();
  await tx.emit(AccountClosedSchema, { accountId: id, orgIds }, { aggregate: id });
  return readFullAccount(tx, id);
}

async function requireAnotherSuperadmin(tx: Tx, accountId: string) {
  const others = await tx.selectFrom('sys_accounts_role_grants').select('id').where('role', '=', 'SUPERADMIN').where('account_id', '<>', accountId).forUpdate().execute();
  if (others.length === 0) throw errors.LAST_ADMIN({ of: 'the platform' });
}
