import { sql } from 'kysely';
import { errors } from '../../errors.ts';
import type { Needs } from '../needs.ts';
import { provePassword } from '../prove-password.ts';

/** Who logged in, and how (RFC 8176). */
export interface Login {
  accountId: string;
  amr: string[];
}

/** Logs a person in at the provider's pages. Throws like `CreateSession`. */
export async function logInByPassword(needs: Needs, email: string, password: string): Promise<Login> {
  const { db } = needs;
  const found = await db.read((q) => q.selectFrom('sys_accounts_accounts').selectAll().where(sql`lower(email)`, '=', email.toLowerCase()).executeTakeFirst());
  const account = await provePassword(needs, { email, account: found, wrong: errors.WRONG_CREDENTIALS() }, password);
  if (account.state === 'LOCKED') throw errors.ACCOUNT_LOCKED({ reason: account.lock_reason });
  if (account.password_change_required) throw errors.PASSWORD_CHANGE_REQUIRED();
  await db.write((tx) => tx.updateTable('sys_accounts_accounts').set({ last_login_at: sql<Date>`now()` }).where('id', '=', account.id).execute());
  return { accountId: account.id, amr: ['pwd'] };
}
