import { sql } from 'kysely';
import type { Needs } from './needs.ts';
import { provenWithin } from './second-factors/factor-rows.ts';

/** How long an ended session and a used refresh token stay, so that the use of a stolen one is still recognised. */
const kept = sql<Date>`now() - interval '30 days'`;

/** Removes what has lost its meaning: old sessions, used tokens, lapsed counts of failed logins, logins and factors that nobody finished. */
export async function removeExpired({ db }: Pick<Needs, 'db'>): Promise<void> {
  await db.write(async (tx) => {
    await tx.deleteFrom('sys_accounts_login_attempts').where('expires_at', '<', sql<Date>`now()`).execute();
    await tx.deleteFrom('sys_accounts_registrations').where('expires_at', '<', sql<Date>`now()`).execute();
    await tx.deleteFrom('sys_accounts_invitations').where('expires_at', '<', kept).execute();
    await tx.deleteFrom('sys_accounts_email_changes').where('expires_at', '<', sql<Date>`now()`).execute();
    await tx.deleteFrom('sys_accounts_password_resets').where('expires_at', '<', sql<Date>`now()`).execute();
    await tx.deleteFrom('sys_accounts_oauth_artifacts').where('expires_at', '<', sql<Date>`now()`).execute();
    for (const table of ['sys_accounts_saml_assertions', 'sys_accounts_saml_sessions', 'sys_accounts_saml_logouts'] as const) await tx.deleteFrom(table).where('expires_at', '<', sql<Date>`now()`).execute();
    await tx.deleteFrom('sys_accounts_refresh_tokens').where('consumed_at', '<', kept).execute();
    await tx.deleteFrom('sys_accounts_logins').where('expires_at', '<', sql<Date>`now()`).execute();
    await tx.deleteFrom('sys_accounts_external_logins').where('expires_at', '<', sql<Date>`now()`).execute();
    await tx.deleteFrom('sys_accounts_second_factors').where('confirmed_at', 'is', null).where('created_at', '<', sql<Date>`now() - ${provenWithin}`).execute();
    await tx.deleteFrom('sys_accounts_remembered_devices').where('expires_at', '<', sql<Date>`now()`).execute();
    await tx.deleteFrom('sys_accounts_login_places').where('seen_at', '<', sql<Date>`now() - interval '1 year'`).execute();
    // Their tokens go with them.
    await tx.deleteFrom('sys_accounts_sessions').where((where) => where.or([where('ended_at', '<', kept), where('expires_at', '<', kept)])).execute();
  });
}
