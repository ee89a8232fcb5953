import { cron } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { WebhooksNeeds } from './webhooks-needs.ts';

/** Deletes the deliveries that were made longer ago than they are kept, but for those that are still tried. */
export const forgetDeliveries = cron<Pick<WebhooksNeeds, 'db' | 'config'>>('forget-webhook-deliveries', '53 3 * * *', async ({ db, config: { webhooks } }) => {
  await db.write(async (tx) => {
    await tx.deleteFrom('sys_core_webhook_deliveries').where('outcome', '<>', 'PENDING').where('create_time', '<', sql<Date>`now() - ${webhooks.keepDays} * interval '1 day'`).execute();
  });
});
