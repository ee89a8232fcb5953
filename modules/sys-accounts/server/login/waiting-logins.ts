import type { Database, Transaction } from '@mainstay/kernel';
import { sql, type Insertable, type Selectable } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { provenWithin } from '../second-factors/factor-rows.ts';
import { hashOf, newOpaqueToken } from '../opaque-token.ts';

export type LoginRow = Selectable<Tables['sys_accounts_logins']>;

type NewLogin = Omit<Insertable<Tables['sys_accounts_logins']>, 'token_hash' | 'expires_at'>;

/** A login that waits can be tried so often, then it is over. */
const mostTries = 5;

/** Lets a login wait for a factor; gives the token that names it, and until when. */
export async function addLogin(tx: Transaction<Tables>, login: NewLogin): Promise<{ loginToken: string; expiresAt: Date }> {
  const loginToken = newOpaqueToken();
  const { expires_at } = await tx.insertInto('sys_accounts_logins').values({ ...login, token_hash: hashOf(loginToken), expires_at: sql<Date>`now() + ${provenWithin}` }).returning('expires_at').executeTakeFirstOrThrow();
  return { loginToken, expiresAt: expires_at };
}

/** Takes one of the tries of a login that waits, whatever becomes of it; nothing if there is no such login any more. */
export const takeTry = (db: Database<Tables>, loginToken: string): Promise<LoginRow | undefined> =>
  db.writeApart((tx) =>
    tx
      .updateTable('sys_accounts_logins')
      .set({ tries: sql<number>`tries + 1` })
      .where('token_hash', '=', hashOf(loginToken))
      .where('tries', '<', mostTries)
      .where('expires_at', '>', sql<Date>`now()`)
      .returningAll()
      .executeTakeFirst(),
  );

/** Uses a login up: of several who pass it at once, one is told that it was there. */
export async function useUp(tx: Transaction<Tables>, { token_hash }: LoginRow): Promise<boolean> {
  const { numDeletedRows } = await tx.deleteFrom('sys_accounts_logins').where('token_hash', '=', token_hash).executeTakeFirst();
  return numDeletedRows > 0n;
}
