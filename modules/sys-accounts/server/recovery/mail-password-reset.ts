import type { Client } from '@connectrpc/connect';
import { job } from '@mainstay/kernel';
import { Sender, type EmailService } from '@mainstay/sys-email/contract';
import { sql } from 'kysely';
import { mayUsePassword } from '../federation/password-rule.ts';
import { linkFor } from '../emails/links.ts';
import { readerOf, send } from '../emails/send.ts';
import type { Needs } from '../needs.ts';

/** Writes to who forgot the password, if the address is that of an account in use; to whom the org alone lets in, that it does. */
export const mailPasswordReset = job<Pick<Needs, 'db' | 'deployment' | 'settings'> & { email: Client<typeof EmailService> }, { passwordResetId: string }>('mail-password-reset', ({ db, deployment, settings, email }, { passwordResetId }) =>
  db.write(async (tx) => {
    const asked = await tx.selectFrom('sys_accounts_password_resets').selectAll().where('id', '=', passwordResetId).where('expires_at', '>', sql<Date>`now()`).executeTakeFirst();
    const account = asked && (await tx.selectFrom('sys_accounts_accounts').selectAll().where(sql`lower(email)`, '=', asked.email.toLowerCase()).where('state', 'in', ['ACTIVE', 'DORMANT']).executeTakeFirst());
    if (!account) return;
    if (!(await mayUsePassword({ db, settings }, account))) return send(email, { template: 'log-in-at-organization', to: readerOf(account), values: { link: deployment.address }, sender: Sender.LOGIN, expires: asked.expires_at });
    await tx.updateTable('sys_accounts_password_resets').set({ account_id: account.id }).where('id', '=', passwordResetId).execute();
    await send(email, { template: account.state === 'DORMANT' ? 'wake-account' : 'password-reset', to: readerOf(account), values: { link: linkFor(deployment, 'reset-password', passwordResetId) }, sender: Sender.LOGIN, expires: asked.expires_at });
  }));
