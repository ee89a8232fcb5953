import { create } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { currentCall } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { RecoveryService } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import { countEmailRequest } from '../email-requests.ts';
import { idOfToken } from '../email-tokens.ts';
import { mayUsePassword } from '../federation/password-rule.ts';
import { LoginFailures } from '../login-failures.ts';
import type { Needs } from '../needs.ts';
import { orgNamesOf } from '../org-names.ts';
import { checkNewPassword } from '../password-strength/check-new-password.ts';
import { hashPassword } from '../passwords.ts';
import { endSessions } from '../sessions.ts';
import { mailPasswordChanged } from './mail-password-changed.ts';
import { mailPasswordReset } from './mail-password-reset.ts';

/** A new password for who forgot theirs. */
export function recoveryService(needs: Needs): ServiceImpl<typeof RecoveryService> {
  const { db, config, deployment } = needs;

  /** The account of a link that was not used yet. */
  const accountOf = (id: string) =>
    db.read((q) =>
      q
        .selectFrom('sys_accounts_password_resets as r')
        .innerJoin('sys_accounts_accounts as a', 'a.id', 'r.account_id')
        .selectAll('a')
        .where('r.id', '=', id)
        .where('r.expires_at', '>', sql<Date>`now()`)
        // Sent to the address that the account had then.
        .whereRef(sql`lower(r.email)`, '=', sql`lower(a.email)`)
        .where('a.state', 'in', ['ACTIVE', 'DORMANT'])
        .executeTakeFirst(),
    );

  return {
    async requestPasswordReset({ email }) {
      await countEmailRequest(needs, email);
      await db.write(async (tx) => {
        const { id } = await tx.insertInto('sys_accounts_password_resets').values({ email, expires_at: sql<Date>`now() + interval '10 minutes'` }).returning('id').executeTakeFirstOrThrow();
        await tx.enqueue(mailPasswordReset, { passwordResetId: id });
      });
      return create(EmptySchema);
    },

    async resetPassword({ token, newPassword }) {
      const id = idOfToken(deployment, 'reset-password', token);
      const account = id && (await accountOf(id));
      if (!account || !(await mayUsePassword(needs, account))) throw errors.LINK_INVALID();
      // A password that will not do does not use the link up.
      await checkNewPassword(config, { password: newPassword, email: account.email!, displayName: account.display_name, orgNames: await orgNamesOf(db, account.id), field: 'new_password' });
      const password_hash = await hashPassword(config, newPassword);
      await db.write(async (tx) => {
        // All links of the account are of no use from now on; of several uses at once one removes them.
        const used = await tx.deleteFrom('sys_accounts_password_resets').where('account_id', '=', account.id).returning('id').execute();
        if (!used.some((row) => row.id === id)) throw errors.LINK_INVALID();
        const { numUpdatedRows } = await tx
          .updateTable('sys_accounts_accounts')
          // Who read the e-mail has the address, which wakes an account that rests.
          .set({ state: 'ACTIVE', password_hash, password_change_required: false, email_verified_at: sql<Date>`coalesce(email_verified_at, now())`, updated_at: sql<Date>`now()` })
          .where('id', '=', account.id)
          .where('state', 'in', ['ACTIVE', 'DORMANT'])
          .executeTakeFirst();
        if (numUpdatedRows === 0n) throw errors.LINK_INVALID();
        // Remembered devices hold for the password of their time, so they are forgotten with it.
        await endSessions(tx, { accountId: account.id });
        tx.changed(account.id);
        await tx.enqueue(mailPasswordChanged, { accountId: account.id });
      });
      await new LoginFailures(needs, account.email!, currentCall().clientAddress).forget();
      return create(EmptySchema);
    },
  };
}
