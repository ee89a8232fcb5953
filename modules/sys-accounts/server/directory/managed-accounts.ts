import type { Transaction } from '@mainstay/kernel';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import type { AccountRow } from '../account-message.ts';
import { announced } from '../member-methods.ts';
import { addMember } from '../members.ts';
import type { Reader } from '../needs.ts';
import { registerPerson } from '../register-person.ts';
import { holdDomainOf, verifiedOrgOf } from './domains.ts';

/** Whom an org makes an account for. */
export interface ManagedPerson {
  email: string;
  displayName: string;
  language?: string;
  timeZone?: string;
}

/**
 * Makes an account without a password, which the org looks after, and its person a member. Gives its id, or nothing if the
 * address is somebody's or barred. Throws `EMAIL_OUTSIDE_DOMAINS`.
 */
export async function makeManaged(tx: Transaction<Tables>, orgId: string, person: ManagedPerson): Promise<string | undefined> {
  if (!(await holdDomainOf(tx, orgId, person.email))) throw errors.EMAIL_OUTSIDE_DOMAINS({ email: person.email });
  const accountId = await registerPerson(tx, { ...person, passwordHash: null, managingOrg: orgId });
  if (!accountId) return undefined;
  await addMember(tx, orgId, accountId, 'USER');
  await announced(tx, orgId, accountId);
  return accountId;
}

/** The org that looks after an account: the one that made it, as long as the domain of its address is that org's. */
export async function managerOf(q: Reader, { managing_org, email }: Pick<AccountRow, 'managing_org' | 'email'>): Promise<string | undefined> {
  if (managing_org === null || email === null) return undefined;
  return (await verifiedOrgOf(q, email)) === managing_org ? managing_org : undefined;
}
