import { create } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import { currentCall, type Transaction } from '@mainstay/kernel';
import type { ResetSecondFactorsRequest } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import type { Needs } from '../needs.ts';
import { requireOrgOfCall } from '../org-of-call.ts';
import { announceChange } from './announce-change.ts';
import { removeSecondFactors } from './remove-second-factors.ts';

/**
 * Removes what a member who lost it can not log in without. An org's administrator does that for people who are of no other
 * org, whose accounts it does not guard alone; a Platform Administrator for everybody.
 */
export async function resetSecondFactors({ db }: Needs, { orgId, accountId }: ResetSecondFactorsRequest) {
  requireOrgOfCall(orgId);
  await db.write(async (tx) => {
    const orgs = await orgsOf(tx, accountId);
    if (!orgs.includes(orgId)) throw errors.MEMBER_NOT_FOUND({ accountId });
    if (!currentCall().acrossOrgs && orgs.some((other) => other !== orgId)) throw errors.MEMBER_OF_OTHERS();
    await removeSecondFactors(tx, accountId);
    await announceChange(tx, accountId, true);
  });
  return create(EmptySchema);
}

/** The orgs in which an account has a role, but its personal one; `null` for the platform. */
async function orgsOf(tx: Transaction<Tables>, accountId: string): Promise<(string | null)[]> {
  const rows = await tx
    .selectFrom('sys_accounts_role_grants as g')
    .innerJoin('sys_accounts_accounts as a', 'a.id', 'g.account_id')
    .select('g.scope_org')
    .distinct()
    .where('g.account_id', '=', accountId)
    .where((where) => where.or([where('g.scope_org', 'is', null), where('g.scope_org', '<>', where.ref('a.personal_org'))]))
    .execute();
  return rows.map(({ scope_org }) => scope_org);
}
