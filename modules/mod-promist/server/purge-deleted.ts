import { cron } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Needs } from './needs.ts';

/** Removes for good what was deleted long enough ago. */
export const purgeDeleted = cron<Pick<Needs, 'db' | 'config'>>('purge-deleted', '17 3 * * *', async ({ db, config }) => {
  await db.write((tx) => tx.deleteFrom('mod_promist_promises').where('delete_time', '<', sql<Date>`now() - make_interval(days => ${config.keepDeletedDays})`).execute());
});
