import type { Needs } from '../needs.ts';
import { findPeople } from '../people/people.ts';
import type { PromiseeColumns } from '../promises/check-promise.ts';
import type { ExchangedPromise, ExchangedPromisee } from './exchanged-promise.ts';

/** Finds out who the people named in a file are: members of the org, contacts of the owner, or names. */
export async function resolvePromisees(needs: Pick<Needs, 'db' | 'accounts'>, promises: ExchangedPromise[], owner: string): Promise<(promisee: ExchangedPromisee | undefined) => PromiseeColumns> {
  const named = promises.flatMap(({ promisee }) => promisee ?? []);
  const people = await findPeople(needs, { ids: named.flatMap(({ accountId }) => accountId ?? []), emails: named.flatMap(({ email }) => email ?? []) });
  const byId = new Set(people.map(({ accountId }) => accountId));
  const byEmail = new Map(people.map(({ accountId, email }) => [email.toLowerCase(), accountId]));
  const contacts = named.some(({ contactId }) => contactId) ? await contactsOf(needs, owner) : new Set<string>();
  return (promisee) => {
    const account = promisee && (promisee.accountId && byId.has(promisee.accountId) ? promisee.accountId : byEmail.get(promisee.email?.toLowerCase() ?? ''));
    const contact = !account && promisee?.contactId && contacts.has(promisee.contactId) ? promisee.contactId : null;
    return { promisee_name: account || contact ? '' : (promisee?.name ?? ''), promisee_contact_id: contact, promisee_account_id: account || null };
  };
}

async function contactsOf({ db }: Pick<Needs, 'db'>, owner: string): Promise<Set<string>> {
  const rows = await db.read((q) => q.selectFrom('mod_promist_contacts').select('id').where('owner_id', '=', owner).execute());
  return new Set(rows.map(({ id }) => id));
}
