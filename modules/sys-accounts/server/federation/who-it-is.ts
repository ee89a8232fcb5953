import { sql } from 'kysely';
import { verifiedOrgOf } from '../directory/domains.ts';
import { managerOf } from '../directory/managed-accounts.ts';
import type { AccountRow } from '../account-message.ts';
import type { Reader } from '../needs.ts';
import { hasSecondFactor } from '../second-factors/factor-rows.ts';
import type { ExternalProof } from './external-proof.ts';
import { isAddress } from './newcomer.ts';

/** An account, with or without a second factor. */
export type PersonRow = AccountRow & { has_second_factor: boolean };

/*
 *   subject known ──────────────────────────────────────────────▶ KNOWN      is logged in
 *   unknown ─┬─ no address, or one that is not verified ────────▶ NO_ADDRESS is refused
 *            ├─ address of an account that the org looks after ─▶ KNOWN      is logged in: the org speaks for it
 *            ├─ address in a domain of the org ─┬─ no account ──▶ NEW        gets one, if the org lets newcomers in
 *            │                                  └─ account ─────▶ LINK       logs in here, too; then it is linked
 *            └─ any other address ──────────────────────────────▶ LINK       whether there is such an account or not: nobody learns that
 */
export type Standing = { is: 'KNOWN'; account: PersonRow; isManaged: boolean } | { is: 'NO_ADDRESS' | 'NEW' | 'LINK' | 'STRANGER' };

/** Who somebody that a provider proved is here. */
export async function whoItIs(q: Reader, proof: ExternalProof): Promise<Standing> {
  const { provider, email } = proof;
  const known = await persons(q).innerJoin('sys_accounts_external_identities as i', 'i.account_id', 'a.id').where('i.provider_id', '=', provider.id).where('i.subject', '=', proof.subject).executeTakeFirst();
  if (known) return { is: 'KNOWN', account: known, isManaged: (await managerOf(q, known)) === provider.owner_org };
  if (email === undefined || !isAddress(email) || proof.emailVerified === false) return { is: 'NO_ADDRESS' };
  if ((await verifiedOrgOf(q, email)) !== provider.owner_org) return { is: 'LINK' };
  const account = await persons(q).where(sql`lower(email)`, '=', email.toLowerCase()).executeTakeFirst();
  if (!account) return { is: provider.just_in_time ? 'NEW' : 'STRANGER' };
  if ((await managerOf(q, account)) === provider.owner_org && account.password_hash === null) return { is: 'KNOWN', account, isManaged: true };
  // Who has no account is told the same.
  return { is: provider.just_in_time || (await isMemberOf(q, proof, account.id)) ? 'LINK' : 'STRANGER' };
}

/** Whether an account is a member of the org whose provider it came from: an org speaks for nobody else. */
export async function isMemberOf(q: Reader, { provider }: Pick<ExternalProof, 'provider'>, accountId: string): Promise<boolean> {
  return (await q.selectFrom('sys_accounts_role_grants').select('id').where('account_id', '=', accountId).where('scope_org', '=', provider.owner_org).limit(1).executeTakeFirst()) !== undefined;
}

const persons = (q: Reader) => q.selectFrom('sys_accounts_accounts as a').selectAll('a').select(hasSecondFactor.as('has_second_factor'));
