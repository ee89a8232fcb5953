import type { Client } from '@connectrpc/connect';
import { job, type Transaction } from '@mainstay/kernel';
import { Sender, type EmailService } from '@mainstay/sys-email/contract';
import { sql } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { linkFor, pageOf, timeText } from '../emails/links.ts';
import { readerOf, send } from '../emails/send.ts';
import type { Needs } from '../needs.ts';
import { isBarred } from '../register-person.ts';
import { addRegistration, type Registration } from './registrations.ts';

type Mailing = Pick<Needs, 'db' | 'deployment'> & { email: Client<typeof EmailService> };
type Tx = Transaction<Tables>;

/**
 * Writes to who registered: a link; or to the owner of the address, if it has an account already, that somebody tried. It is a
 * job, so the registration itself does the same in the same time for every address.
 */
export const mailRegistration = job<Mailing, { registrationId: string }>('mail-registration', (needs, { registrationId }) =>
  needs.db.write(async (tx) => {
    const registration = await tx.selectFrom('sys_accounts_registrations').selectAll().where('id', '=', registrationId).where('expires_at', '>', sql<Date>`now()`).executeTakeFirst();
    if (!registration) return;
    const owner = registration.account_id ? undefined : await accountOf(tx, registration.email);
    if (owner || (await isBarred(tx, registration.email))) await tx.deleteFrom('sys_accounts_registrations').where('id', '=', registrationId).execute();
    else await mailLink(needs, registration);
    if (owner && owner.state !== 'DEACTIVATED') await send(needs.email, { template: 'address-taken', to: readerOf(owner), values: { link: pageOf(needs.deployment, 'forgot-password') } });
  }));

/** Writes once more to an address that waits for a link, and to no other. */
export const mailAgain = job<Mailing, { email: string }>('mail-registration-again', (needs, { email }) =>
  needs.db.write(async (tx) => {
    const waiting = await tx.selectFrom('sys_accounts_registrations').selectAll().where(sql`lower(email)`, '=', email.toLowerCase()).where('expires_at', '>', sql<Date>`now()`).orderBy('id', 'desc').executeTakeFirst();
    const registration = waiting ?? (await ofAccount(tx, email));
    if (registration) await mailLink(needs, registration);
  }));

async function mailLink({ deployment, email }: Mailing, { id, email: address, language, time_zone, expires_at }: Registration): Promise<void> {
  const values = { link: linkFor(deployment, 'verify-email', id), until: timeText(expires_at, { language, timeZone: time_zone }) };
  // Not to a name: anybody may have written anything there, and anybody's address.
  await send(email, { template: 'verify-email', to: { email: address, language }, values, sender: Sender.LOGIN, expires: expires_at });
}

/** Lets an account that is in use with an unproven address wait for its proof. */
async function ofAccount(tx: Tx, email: string): Promise<Registration | undefined> {
  const account = await accountOf(tx, email);
  if (account?.state !== 'ACTIVE' || account.email_verified_at) return undefined;
  const id = await addRegistration(tx, { accountId: account.id, email: account.email!, displayName: '', language: account.language, timeZone: account.time_zone, passwordHash: null });
  return tx.selectFrom('sys_accounts_registrations').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
}

const accountOf = (tx: Tx, email: string) => tx.selectFrom('sys_accounts_accounts').selectAll().where(sql`lower(email)`, '=', email.toLowerCase()).executeTakeFirst();
