import { sql } from 'kysely';
import { verifiedOrgOf } from '../directory/domains.ts';
import type { Needs } from '../needs.ts';
import type { ProviderRow } from './external-proof.ts';

/** More are not shown. */
const most = 20;

/** The providers through which whoever has this address may log in: those of the org whose domain it is in. */
export async function offeredTo({ db }: Pick<Needs, 'db'>, email: string): Promise<ProviderRow[]> {
  if (!email.includes('@')) return [];
  return db.read(async (q) => {
    const orgId = await verifiedOrgOf(q, email);
    if (orgId === undefined) return [];
    return q.selectFrom('sys_accounts_identity_providers').selectAll().where('owner_org', '=', orgId).where('disabled', '=', false).orderBy(sql`lower(name)`).orderBy('id').limit(most).execute();
  });
}
