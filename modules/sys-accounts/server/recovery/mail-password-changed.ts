import type { Client } from '@connectrpc/connect';
import { job } from '@mainstay/kernel';
import type { EmailService } from '@mainstay/sys-email/contract';
import { pageOf } from '../emails/links.ts';
import { readerOf, send } from '../emails/send.ts';
import type { Needs } from '../needs.ts';

/** Tells a person that the password is another one. */
export const mailPasswordChanged = job<Pick<Needs, 'db' | 'deployment'> & { email: Client<typeof EmailService> }, { accountId: string }>('mail-password-changed', async ({ db, deployment, email }, { accountId }) => {
  const account = await db.read((q) => q.selectFrom('sys_accounts_accounts').selectAll().where('id', '=', accountId).where('email', 'is not', null).executeTakeFirst());
  if (account) await send(email, { template: 'password-changed', to: readerOf(account), values: { link: pageOf(deployment, 'forgot-password') } });
});
