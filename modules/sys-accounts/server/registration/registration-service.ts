import { create } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { sql } from 'kysely';
import type { RegistrationService } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import { readFullAccount } from '../account-message.ts';
import { countEmailRequest } from '../email-requests.ts';
import { idOfToken } from '../email-tokens.ts';
import type { Needs } from '../needs.ts';
import { verifyPassword } from '../passwords.ts';
import { registerPerson } from '../register-person.ts';
import { mailAgain } from './mail-registration.ts';
import { takeTry, type Registration } from './registrations.ts';

/** What follows a registration. */
export function registrationService(needs: Needs): ServiceImpl<typeof RegistrationService> {
  const { db, config, deployment } = needs;
  return {
    async verifyEmail({ token, password }) {
      const id = idOfToken(deployment, 'verify-email', token);
      const registration = id && (await takeTry(db, id));
      if (!registration) throw errors.LINK_INVALID();
      if (!(await verifyPassword(config, registration.password_hash, password))) throw errors.WRONG_CREDENTIALS();
      return db.write(async (tx) => {
        const { numDeletedRows } = await tx.deleteFrom('sys_accounts_registrations').where('id', '=', registration.id).executeTakeFirst();
        if (numDeletedRows === 0n) throw errors.LINK_INVALID();
        const accountId = registration.account_id ?? (await registerPerson(tx, personOf(registration)));
        // Somebody was first, or the address was barred meanwhile: who holds the link learns no more than that it is of no use.
        if (!accountId) throw errors.LINK_INVALID();
        await tx.updateTable('sys_accounts_accounts').set({ email_verified_at: sql<Date>`now()`, version: sql<number>`version + 1` }).where('id', '=', accountId).where(sql`lower(email)`, '=', registration.email.toLowerCase()).execute();
        await tx.deleteFrom('sys_accounts_registrations').where(sql`lower(email)`, '=', registration.email.toLowerCase()).execute();
        tx.changed(accountId);
        return readFullAccount(tx, accountId);
      });
    },

    async resendVerification({ email }) {
      await countEmailRequest(needs, email);
      await db.write((tx) => tx.enqueue(mailAgain, { email }));
      return create(EmptySchema);
    },
  };
}

const personOf = ({ email, display_name, language, time_zone, password_hash }: Registration) => ({ email, displayName: display_name, language, timeZone: time_zone, passwordHash: password_hash! });
