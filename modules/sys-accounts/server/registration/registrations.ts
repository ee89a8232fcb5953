import type { Database, Transaction } from '@mainstay/kernel';
import { sql, type Selectable } from 'kysely';
import type { Tables } from '../../database/tables.ts';

export type Registration = Selectable<Tables['sys_accounts_registrations']>;

/**
 * A day, where a new password has 10 minutes: the link alone lets nobody in, since the password is asked for too, and people
 * read their mail in the evening.
 */
const lasts = sql<Date>`now() + interval '1 day'`;
const mostTries = 5;

/** Lets somebody wait for the proof of their address; gives the id. */
export async function addRegistration(tx: Transaction<Tables>, person: { accountId?: string; email: string; displayName: string; language: string; timeZone: string; passwordHash: string | null }): Promise<string> {
  const values = { account_id: person.accountId, email: person.email, display_name: person.displayName, language: person.language, time_zone: person.timeZone, password_hash: person.passwordHash, expires_at: lasts };
  return (await tx.insertInto('sys_accounts_registrations').values(values).returning('id').executeTakeFirstOrThrow()).id;
}

/** One of few tries to prove an address, counted whatever comes of it; nothing if there is none. With the hash of the password that is to be shown. */
export async function takeTry(db: Database<Tables>, id: string): Promise<Registration | undefined> {
  const taken = await db.writeApart((tx) =>
    tx.updateTable('sys_accounts_registrations').set({ tries: sql<number>`tries + 1` }).where('id', '=', id).where('tries', '<', mostTries).where('expires_at', '>', sql<Date>`now()`).returningAll().executeTakeFirst(),
  );
  if (!taken?.account_id) return taken;
  const account = await db.read((q) => q.selectFrom('sys_accounts_accounts').select('password_hash').where('id', '=', taken.account_id!).where('state', '=', 'ACTIVE').executeTakeFirst());
  return account && { ...taken, password_hash: account.password_hash };
}
