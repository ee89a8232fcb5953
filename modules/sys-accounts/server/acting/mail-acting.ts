import type { Client } from '@connectrpc/connect';
import { job } from '@mainstay/kernel';
import type { EmailService } from '@mainstay/sys-email/contract';
import { timeText } from '../emails/links.ts';
import { readerOf, send } from '../emails/send.ts';
import type { Needs } from '../needs.ts';
import { actingsOf } from './actings.ts';

/** Tells a person that an administrator acts on their behalf; also if that has ended by then. */
export const mailActing = job<Pick<Needs, 'db'> & { email: Client<typeof EmailService> }, { actingId: string }>('mail-acting', async ({ db, email }, { actingId }) => {
  const acting = await db.read((q) => actingsOf(q).where('x.id', '=', actingId).executeTakeFirst());
  const account = acting && (await db.read((q) => q.selectFrom('sys_accounts_accounts').selectAll().where('id', '=', acting.account_id).where('email', 'is not', null).executeTakeFirst()));
  if (!account) return;
  const until = timeText(acting.expires_at, { language: account.language, timeZone: account.time_zone });
  await send(email, { template: 'acting-begun', to: readerOf(account), values: { administrator: acting.actor_name, reason: acting.reason, until } });
});
