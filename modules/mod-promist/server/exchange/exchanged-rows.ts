import type { Account } from '@mainstay/sys-accounts/contract';
import type { PromiseRow, ReminderRow } from '../../database/tables.ts';
import type { Needs, Reader } from '../needs.ts';
import { findPeople } from '../people/people.ts';
import type { ExchangedPromise, ExchangedPromisee } from './exchanged-promise.ts';

const pageSize = 500;

/** The people that promises were made to: accounts, and the names of contacts, by id. */
interface Names {
  accounts: Map<string, Account>;
  contacts: Map<string, string>;
}

/** Every promise that the person owns and has not deleted, in the order in which they came. */
export async function* ownPromises(needs: Pick<Needs, 'db' | 'accounts'>, owner: string): AsyncGenerator<ExchangedPromise> {
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    const rows = await needs.db.read((q) =>
      q.selectFrom('mod_promist_promises').selectAll().where('owner_id', '=', owner).where('delete_time', 'is', null).where('id', '>', after).orderBy('id').limit(pageSize).execute());
    yield* await exchangedRows(needs, rows);
    if (rows.length < pageSize) return;
    after = rows.at(-1)!.id;
  }
}

/** Rows as a file tells them. */
export async function exchangedRows(needs: Pick<Needs, 'db' | 'accounts'>, rows: PromiseRow[]): Promise<ExchangedPromise[]> {
  if (!rows.length) return [];
  const { reminders, contacts } = await needs.db.read((q) => readBeside(q, rows));
  const people = rows.flatMap((row) => row.promisee_account_id ?? []);
  const found = people.length ? await findPeople(needs, { ids: people }) : [];
  const accounts = new Map(found.map((account) => [account.accountId, account]));
  return rows.map((row) => exchanged(row, reminders.get(row.id) ?? [], { accounts, contacts }));
}

async function readBeside(q: Reader, rows: PromiseRow[]) {
  const contactIds = rows.flatMap((row) => row.promisee_contact_id ?? []);
  const [reminders, contacts] = await Promise.all([
    q.selectFrom('mod_promist_reminders').selectAll().where('promise_id', 'in', rows.map((row) => row.id)).orderBy('time').orderBy('id').execute(),
    contactIds.length ? q.selectFrom('mod_promist_contacts').select(['id', 'name']).where('id', 'in', contactIds).execute() : [],
  ]);
  return { reminders: Map.groupBy(reminders, (row) => row.promise_id), contacts: new Map(contacts.map(({ id, name }) => [id, name])) };
}

const exchanged = (row: PromiseRow, reminders: ReminderRow[], names: Names): ExchangedPromise => ({
  // What came with a name of its own keeps it, so that other programs know it again.
  sourceKey: row.source_key?.startsWith('uid:') ? row.source_key : `uid:${row.id}`,
  title: row.title,
  description: row.description,
  madeAt: row.made_at,
  dueTime: row.due_time ?? undefined,
  promisee: promiseeOf(row, names),
  tags: row.tags,
  state: row.state,
  archived: row.archived,
  settledAt: row.settled_at ?? undefined,
  reminders: reminders.map(({ time, recurrence, time_zone, method }) => ({ time, recurrence, timeZone: time_zone, method })),
});

function promiseeOf(row: PromiseRow, { accounts, contacts }: Names): ExchangedPromisee | undefined {
  const { promisee_account_id: accountId, promisee_contact_id: contactId, promisee_name: name } = row;
  const account = accounts.get(accountId ?? '');
  if (account) return { name: account.displayName, email: account.email, accountId: account.accountId };
  if (contactId) return { name: contacts.get(contactId) ?? name, contactId };
  return name ? { name } : undefined;
}
