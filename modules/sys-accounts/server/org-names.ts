import type { Database } from '@mainstay/kernel';
import type { Tables } from '../database/tables.ts';

/** What the orgs are called of which somebody is a member. */
export async function orgNamesOf(db: Database<Tables>, accountId: string): Promise<string[]> {
  const orgs = await db.read((q) =>
    q
      .selectFrom('sys_accounts_orgs as o')
      .select('o.name')
      .where((where) => where.exists(where.selectFrom('sys_accounts_role_grants as g').select('g.id').whereRef('g.scope_org', '=', 'o.id').where('g.account_id', '=', accountId)))
      .limit(100)
      .execute(),
  );
  return orgs.map(({ name }) => name);
}
