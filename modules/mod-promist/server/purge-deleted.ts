import { cron } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Needs } from './needs.ts';

/** Removes for good what was deleted long enough ago, by the setting of each org. */
export const purgeDeleted = cron<Pick<Needs, 'db' | 'settings'>>('purge-deleted', '17 3 * * *', async ({ db, settings }) => {
  const { value, byOrg } = await settings.getAll('keepDeletedDays');
  const days = sql`coalesce((${JSON.stringify(Object.fromEntries(byOrg))}::jsonb ->> org_id::text)::int, ${value}::int)`;
  await db.write((tx) => tx.deleteFrom('mod_promist_promises').where('delete_time', '<', sql<Date>`now() - make_interval(days => ${days})`).execute());
});
