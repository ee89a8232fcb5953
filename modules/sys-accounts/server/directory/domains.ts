import { domainToASCII } from 'node:url';
import type { Transaction } from '@mainstay/kernel';
import type { Tables } from '../../database/tables.ts';
import type { Reader } from '../needs.ts';

/** The domain of an e-mail address, as DNS has it; empty if it is none. */
export const domainOf = (email: string): string => domainToASCII(email.slice(email.lastIndexOf('@') + 1));

/** The org whose domain an e-mail address is in, if an org has shown that it is its own. Subdomains count for themselves. */
export async function verifiedOrgOf(q: Reader, email: string): Promise<string | undefined> {
  return (await verified(q, email).executeTakeFirst())?.owner_org;
}

/** Whether an address is in a domain of an org, which then stays until the transaction ends. */
export async function holdDomainOf(tx: Transaction<Tables>, orgId: string, email: string): Promise<boolean> {
  return (await verified(tx, email).where('owner_org', '=', orgId).forShare().executeTakeFirst()) !== undefined;
}

/** Whether another org has shown that a domain is its own. */
export async function isOfAnother(q: Reader, orgId: string, domain: string): Promise<boolean> {
  return (await q.selectFrom('sys_accounts_email_domains').select('id').where('domain', '=', domain).where('verified_at', 'is not', null).where('owner_org', '<>', orgId).executeTakeFirst()) !== undefined;
}

const verified = (q: Reader, email: string) => q.selectFrom('sys_accounts_email_domains').select('owner_org').where('domain', '=', domainOf(email)).where('verified_at', 'is not', null);
