import { sql } from 'kysely';
import type { AccountClosed } from '@mainstay/sys-accounts/contract';
import type { EmailNeeds } from './needs.ts';

/** Forgets to whom e-mails of a closed account went, and what those that failed would have said. What is still on its way, such as the last one, goes. */
export async function forgetAccount({ db }: Pick<EmailNeeds, 'db'>, { accountId }: AccountClosed): Promise<void> {
  await db.write(async (tx) => {
    await tx.updateTable('sys_email_emails')
      .set({ recipient: '', recipient_name: '', sealed_values: null, state: sql`case state when 'FAILED' then 'DISCARDED' else state end` })
      .where('account_id', '=', accountId).where('next_try', 'is', null).execute();
  });
}
