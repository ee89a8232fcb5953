import type { Client } from '@connectrpc/connect';
import { job } from '@mainstay/kernel';
import { Sender, type EmailService } from '@mainstay/sys-email/contract';
import { sql } from 'kysely';
import { linkFor, timeText } from '../emails/links.ts';
import { readerOf, send } from '../emails/send.ts';
import type { Needs } from '../needs.ts';
import { isBarred } from '../register-person.ts';

type Mailing = Pick<Needs, 'db' | 'deployment'> & { email: Client<typeof EmailService> };

/** Asks at both addresses; not at a new one that has an account, so that nobody learns of it. */
export const mailEmailChange = job<Mailing, { emailChangeId: string }>('mail-email-change', ({ db, deployment, email }, { emailChangeId: id }) =>
  db.write(async (tx) => {
    const change = await tx.selectFrom('sys_accounts_email_changes').selectAll().where('id', '=', id).where('expires_at', '>', sql<Date>`now()`).executeTakeFirst();
    if (!change) return;
    const account = await tx.selectFrom('sys_accounts_accounts').selectAll().where('id', '=', change.account_id).executeTakeFirstOrThrow();
    const until = timeText(change.expires_at, { language: account.language, timeZone: account.time_zone });
    const agree = { address: change.new_email, link: linkFor(deployment, 'agree-to-address', id), cancelLink: linkFor(deployment, 'cancel-address', id), until };
    await send(email, { template: 'address-change-old', to: readerOf(account), values: agree, sender: Sender.LOGIN, expires: change.expires_at });
    const taken = await tx.selectFrom('sys_accounts_accounts').select('id').where(sql`lower(email)`, '=', change.new_email.toLowerCase()).executeTakeFirst();
    if (taken || (await isBarred(tx, change.new_email))) return;
    const confirm = { link: linkFor(deployment, 'confirm-address', id), until };
    await send(email, { template: 'address-change-new', to: { email: change.new_email, language: account.language, accountId: account.id }, values: confirm, sender: Sender.LOGIN, expires: change.expires_at });
  }));

/** Tells the address that the account had before. */
export const mailEmailChanged = job<Mailing, { accountId: string; formerEmail: string }>('mail-email-changed', async ({ db, email }, { accountId, formerEmail }) => {
  const account = await db.read((q) => q.selectFrom('sys_accounts_accounts').selectAll().where('id', '=', accountId).where('email', 'is not', null).executeTakeFirst());
  if (account) await send(email, { template: 'address-changed', to: { ...readerOf(account), email: formerEmail }, values: { address: account.email! } });
});
