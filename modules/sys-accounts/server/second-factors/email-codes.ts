import { timingSafeEqual } from 'node:crypto';
import type { Client } from '@connectrpc/connect';
import { job, type Transaction } from '@mainstay/kernel';
import { Sender, type EmailService } from '@mainstay/sys-email/contract';
import { sql } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { readerOf, send } from '../emails/send.ts';
import type { Needs } from '../needs.ts';
import { hashOf } from '../opaque-token.ts';
import { keyedHash } from '../sealing.ts';
import { factorsOf } from './factor-rows.ts';

type Tx = Transaction<Tables>;
type Deployment = Pick<Needs['deployment'], 'secret'>;
type Mailing = Pick<Needs, 'db' | 'deployment'> & { email: Client<typeof EmailService> };

/** A login sends its code so often. */
const mostSent = 3;

/** The six digits of a login, or of a factor that waits to be confirmed. Nobody can tell them without the deployment's secret, so they are kept nowhere. */
export function emailCode({ secret }: Deployment, of: string): string {
  const number = keyedHash(secret, 'codes by e-mail', of).readUIntBE(0, 6);
  return String(number % 1_000_000).padStart(6, '0');
}

/** Whether these are the six digits. */
export const isEmailCode = (deployment: Deployment, of: string, code: string): boolean => code.length === 6 && timingSafeEqual(Buffer.from(code), Buffer.from(emailCode(deployment, of)));

/** What the code of a login follows from. */
export const loginName = ({ token_hash }: { token_hash: Uint8Array }): string => Buffer.from(token_hash).toString('hex');

/** Lets the code of a login be sent, if its account takes such codes. */
export async function sendLoginCode(tx: Tx, loginToken: string): Promise<void> {
  const token_hash = hashOf(loginToken);
  const login = await tx.selectFrom('sys_accounts_logins').selectAll().where('token_hash', '=', token_hash).where('expires_at', '>', sql<Date>`now()`).forUpdate().executeTakeFirst();
  if (!login) throw errors.LOGIN_OVER();
  const factor = login.account_id && (await factorsOf(tx, login.account_id).where('kind', '=', 'EMAIL_CODE').limit(1).executeTakeFirst());
  if (!factor) throw errors.NO_CODES_BY_EMAIL();
  if (login.email_codes_sent >= mostSent) throw errors.CODE_SENT_OFTEN({ most: mostSent });
  await tx.updateTable('sys_accounts_logins').set({ email_codes_sent: sql<number>`email_codes_sent + 1` }).where('token_hash', '=', token_hash).execute();
  await tx.enqueue(mailLoginCode, { login: loginName(login) });
}

/** Uses the code of a login: it goes with the login. */
export async function useEmailCode(tx: Tx, deployment: Deployment, accountId: string, login: { token_hash: Uint8Array; email_codes_sent: number }, code: string): Promise<boolean> {
  if (login.email_codes_sent === 0 || !isEmailCode(deployment, loginName(login), code)) return false;
  const { numUpdatedRows } = await tx.updateTable('sys_accounts_second_factors').set({ last_used_at: sql<Date>`now()` }).where('account_id', '=', accountId).where('kind', '=', 'EMAIL_CODE').where('confirmed_at', 'is not', null).executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Writes the code of a login to its person. */
export const mailLoginCode = job<Mailing, { login: string }>('mail-login-code', async ({ db, deployment, email }, { login }) => {
  const row = await db.read((q) =>
    q
      .selectFrom('sys_accounts_logins as l')
      .innerJoin('sys_accounts_accounts as a', 'a.id', 'l.account_id')
      .select(['a.id', sql<string>`a.email`.as('email'), 'a.display_name', 'a.language', 'l.expires_at'])
      .where('l.token_hash', '=', Buffer.from(login, 'hex'))
      .where('l.expires_at', '>', sql<Date>`now()`)
      .where('a.state', '=', 'ACTIVE')
      .executeTakeFirst(),
  );
  if (row) await send(email, { template: 'login-code', to: readerOf(row), values: { code: emailCode(deployment, login) }, sender: Sender.LOGIN, expires: row.expires_at });
});

/** Writes the code that confirms codes by e-mail as a second factor. */
export const mailFactorCode = job<Mailing, { secondFactorId: string }>('mail-factor-code', async ({ db, deployment, email }, { secondFactorId }) => {
  const row = await db.read((q) =>
    q
      .selectFrom('sys_accounts_second_factors as f')
      .innerJoin('sys_accounts_accounts as a', 'a.id', 'f.account_id')
      .select(['a.id', sql<string>`a.email`.as('email'), 'a.display_name', 'a.language', sql<Date>`f.created_at + interval '10 minutes'`.as('expires_at')])
      .where('f.id', '=', secondFactorId)
      .where('f.confirmed_at', 'is', null)
      .where('a.state', '=', 'ACTIVE')
      .executeTakeFirst(),
  );
  if (row) await send(email, { template: 'login-code', to: readerOf(row), values: { code: emailCode(deployment, secondFactorId) }, sender: Sender.LOGIN, expires: row.expires_at });
});
