import type { Account } from '@mainstay/sys-accounts/contract';
import { errors } from '../../errors.ts';
import { isUuid } from '../row-text.ts';
import type { Needs } from '../needs.ts';

const mostAtOnce = 1000;

/** Members of the caller's org, found by their accounts' ids or addresses; who is none is left out. */
export async function findPeople({ accounts }: Pick<Needs, 'accounts'>, { ids = [], emails = [] }: { ids?: Iterable<string>; emails?: Iterable<string> }): Promise<Account[]> {
  const wanted = { accountIds: [...new Set(ids)].filter(isUuid), emails: [...new Set(emails)].filter((email) => email.length <= 254) };
  const found: Account[] = [];
  for (let at = 0; at < Math.max(wanted.accountIds.length, wanted.emails.length); at += mostAtOnce) {
    const part = { accountIds: wanted.accountIds.slice(at, at + mostAtOnce), emails: wanted.emails.slice(at, at + mostAtOnce) };
    found.push(...(await accounts.findAccounts(part)).accounts);
  }
  return found;
}

/** The names of accounts by their ids; an account that left the org has none. */
export async function namesOf(needs: Pick<Needs, 'accounts'>, ids: Iterable<string>): Promise<Map<string, string>> {
  return new Map((await findPeople(needs, { ids })).map(({ accountId, displayName }) => [accountId, displayName]));
}

/** The member of the caller's org with this id or address. Throws `ACCOUNT_NOT_FOUND`. */
export async function personOf(needs: Pick<Needs, 'accounts'>, account: string): Promise<Account> {
  const [person] = await findPeople(needs, isUuid(account) ? { ids: [account] } : { emails: [account] });
  if (!person) throw errors.ACCOUNT_NOT_FOUND({ account });
  return person;
}
