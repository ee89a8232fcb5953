import { cron } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { EmailNeeds } from './needs.ts';

/** Deletes e-mails that ended longer ago than they are kept; those that failed for good too, since nobody looked after them. */
export const forgetEmails = cron<EmailNeeds>('forget-emails', '37 3 * * *', async ({ db, config }) => {
  await db.write(async (tx) => {
    const before = sql<Date>`now() - ${config.keepDays} * interval '1 day'`;
    await tx.deleteFrom('sys_email_emails').where('next_try', 'is', null).where('create_time', '<', before).execute();
    await tx.deleteFrom('sys_email_mailbox').where('create_time', '<', before).execute();
  });
});
