import type { Client } from '@connectrpc/connect';
import { job, type Transaction } from '@mainstay/kernel';
import type { EmailService } from '@mainstay/sys-email/contract';
import { SecondFactorsChangedSchema } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { pageOf } from '../emails/links.ts';
import { readerOf, send } from '../emails/send.ts';
import type { Needs } from '../needs.ts';

/** Says that the second factors of an account are others now: to the guard, to whoever subscribed, and to the person by e-mail. */
export async function announceChange(tx: Transaction<Tables>, accountId: string, reset = false): Promise<void> {
  await tx.emit(SecondFactorsChangedSchema, { accountId, reset }, { aggregate: accountId });
  await tx.enqueue(mailFactorsChanged, { accountId, reset });
}

/** Tells a person that their second factors are others, since it may have been somebody else. */
export const mailFactorsChanged = job<Pick<Needs, 'db' | 'deployment'> & { email: Client<typeof EmailService> }, { accountId: string; reset: boolean }>('mail-factors-changed', async ({ db, deployment, email }, { accountId, reset }) => {
  const account = await db.read((q) => q.selectFrom('sys_accounts_accounts').selectAll().where('id', '=', accountId).where('email', 'is not', null).executeTakeFirst());
  if (account) await send(email, { template: reset ? 'second-factors-reset' : 'second-factors-changed', to: readerOf(account), values: { link: pageOf(deployment, 'forgot-password') } });
});
