import { sql } from 'kysely';
import type { Needs } from './needs.ts';

/** So many in one transaction, which locks them. */
const mostAtOnce = 1000;

/**
 * Lets accounts rest into which nobody logged in for long: they are to prove their address before they are used again, since it may
 * have got into other hands. Not those of operators, not those that an org made, and none that is in use by a session or a program.
 */
export async function letAccountsRest({ db, config }: Pick<Needs, 'db' | 'config'>): Promise<void> {
  for (;;) {
    const rested = await db.write(async (tx) => {
      const idle = tx
        .selectFrom('sys_accounts_accounts as a')
        .select('a.id')
        .where('a.state', '=', 'ACTIVE')
        // Orgs say themselves who of theirs is still there.
        .where('a.managing_org', 'is', null)
        .where(sql`coalesce(a.last_login_at, a.created_at)`, '<', sql<Date>`now() - ${config.dormantAfterDays} * interval '1 day'`)
        .where(({ not, exists, selectFrom }) => not(exists(selectFrom('sys_accounts_sessions as s').select('s.id').whereRef('s.account_id', '=', 'a.id').where('s.ended_at', 'is', null).where('s.expires_at', '>', sql<Date>`now()`))))
        .where(({ not, exists, selectFrom }) => not(exists(selectFrom('sys_accounts_api_keys as k').select('k.id').whereRef('k.account_id', '=', 'a.id').where('k.revoked_at', 'is', null).where(sql<boolean>`(k.expires_at is null or k.expires_at > now())`))))
        .where(({ not, exists, selectFrom }) => not(exists(selectFrom('sys_accounts_role_grants as g').select('g.id').whereRef('g.account_id', '=', 'a.id').where('g.scope_org', 'is', null))))
        .limit(mostAtOnce)
        .forUpdate();
      const rows = await tx.updateTable('sys_accounts_accounts').set({ state: 'DORMANT', version: sql<number>`version + 1` }).where('id', 'in', idle).returning('id').execute();
      tx.changed(...rows.map(({ id }) => id));
      return rows.length;
    });
    if (rested < mostAtOnce) return;
  }
}
