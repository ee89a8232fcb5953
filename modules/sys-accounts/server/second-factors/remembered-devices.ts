import type { Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Config } from '../../config.ts';
import type { Tables } from '../../database/tables.ts';
import type { AccountRow } from '../account-message.ts';
import { placeHash } from '../login/login-place.ts';
import { hashOf, newOpaqueToken } from '../opaque-token.ts';
import type { Reader } from '../needs.ts';

type Tx = Transaction<Tables>;
type Person = Pick<AccountRow, 'id' | 'password_hash' | 'last_login_at'>;

/** An account remembers so many; the oldest goes for another. */
const mostDevices = 20;

/** What tells whether a password is still the one of that time. */
export const passwordMark = (passwordHash: string | null): Buffer => hashOf(passwordHash ?? '');

/** Lets a device log in without a second factor from now on; gives the token that it shows then. */
export async function rememberDevice(tx: Tx, { rememberedDeviceDays }: Config, accountId: string, mark: Buffer, address: string | undefined): Promise<string> {
  const token = newOpaqueToken();
  const values = { account_id: accountId, token_hash: hashOf(token), password_mark: mark, client_address: address ?? '', expires_at: sql<Date>`now() + ${rememberedDeviceDays} * interval '1 day'` };
  await tx.insertInto('sys_accounts_remembered_devices').values(values).execute();
  const newest = tx.selectFrom('sys_accounts_remembered_devices').select('id').where('account_id', '=', accountId).orderBy('id', 'desc').limit(mostDevices);
  await tx.deleteFrom('sys_accounts_remembered_devices').where('account_id', '=', accountId).where('id', 'not in', newest).execute();
  return token;
}

/**
 * Whether a login may do without a second factor: from a device that the account remembers, unless nobody logged in
 * for long, or never from this place.
 */
export async function isRemembered(tx: Tx, { secondFactorAfterDays, secondFactorInNewPlaces }: Config, person: Person, token: string, address: string | undefined): Promise<boolean> {
  if (token === '') return false;
  const found = await devicesOf(tx, person)
    .select(sql<boolean>`coalesce(${person.last_login_at}::timestamptz > now() - ${secondFactorAfterDays} * interval '1 day', false)`.as('lately'))
    .where('token_hash', '=', hashOf(token))
    .executeTakeFirst();
  if (!found?.lately) return false;
  if (secondFactorInNewPlaces && !(await isKnownPlace(tx, person.id, address))) return false;
  await tx.updateTable('sys_accounts_remembered_devices').set({ last_used_at: sql<Date>`now()`, client_address: address ?? '' }).where('id', '=', found.id).execute();
  return true;
}

/** The devices that an account remembers, newest first: those of before its password changed are forgotten. */
export const devicesOf = (q: Reader, { id, password_hash }: Pick<AccountRow, 'id' | 'password_hash'>) =>
  q.selectFrom('sys_accounts_remembered_devices').selectAll().where('account_id', '=', id).where('password_mark', '=', passwordMark(password_hash)).where('expires_at', '>', sql<Date>`now()`).orderBy('id', 'desc');

/** Remembers from where an account logs in. */
export function rememberPlace(tx: Tx, accountId: string, address: string | undefined): void {
  const place = tx.insertInto('sys_accounts_login_places').values({ account_id: accountId, place_hash: placeHash(accountId, address) });
  tx.atCommit(place.onConflict((conflict) => conflict.columns(['account_id', 'place_hash']).doUpdateSet({ seen_at: sql<Date>`now()` })));
}

async function isKnownPlace(tx: Tx, accountId: string, address: string | undefined): Promise<boolean> {
  const found = await tx.selectFrom('sys_accounts_login_places').select('account_id').where('account_id', '=', accountId).where('place_hash', '=', placeHash(accountId, address)).executeTakeFirst();
  return found !== undefined;
}
