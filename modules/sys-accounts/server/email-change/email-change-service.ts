import { create } from '@bufbuild/protobuf';
import { EmptySchema, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { caller, newId, type Transaction } from '@mainstay/kernel';
import { sql, type Selectable } from 'kysely';
import type { EmailChangeService } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { managerOf } from '../directory/managed-accounts.ts';
import { countEmailRequest } from '../email-requests.ts';
import { idOfToken } from '../email-tokens.ts';
import type { Needs } from '../needs.ts';
import { provePassword } from '../prove-password.ts';
import { isBarred } from '../register-person.ts';
import { endSessions } from '../sessions.ts';
import { mailEmailChange, mailEmailChanged } from './mail-email-change.ts';

type Tx = Transaction<Tables>;
type EmailChangeRow = Selectable<Tables['sys_accounts_email_changes']>;

/** Another address to log in with. */
export function emailChangeService(needs: Needs): ServiceImpl<typeof EmailChangeService> {
  const { db, deployment } = needs;
  return {
    async beginEmailChange({ accountId: named, newEmail, password }) {
      const { accountId } = caller();
      if (named !== 'me' && named !== accountId) throw errors.ACCOUNT_NOT_FOUND({ accountId: named });
      const account = await db.read((q) => q.selectFrom('sys_accounts_accounts').selectAll().where('id', '=', accountId).executeTakeFirstOrThrow());
      await provePassword(needs, { email: account.email ?? '', account, wrong: errors.WRONG_PASSWORD() }, password);
      if (await db.read((q) => managerOf(q, account))) throw errors.EMAIL_OF_ORG();
      if (newEmail.toLowerCase() === account.email!.toLowerCase()) throw errors.EMAIL_SAME();
      await countEmailRequest(needs, newEmail);
      return db.write(async (tx) => {
        // With another id the links of what was begun before are of no use.
        const change = { id: newId(), new_email: newEmail, agreed_at: null, confirmed_at: null, expires_at: sql<Date>`now() + interval '1 day'` };
        const row = await tx.insertInto('sys_accounts_email_changes').values({ ...change, account_id: accountId }).onConflict((conflict) => conflict.column('account_id').doUpdateSet(change)).returningAll().executeTakeFirstOrThrow();
        await tx.enqueue(mailEmailChange, { emailChangeId: row.id });
        return emailChangeMessage(row);
      });
    },

    async confirmEmailChange({ token }) {
      const [agreed, confirmed] = [idOfToken(deployment, 'agree-to-address', token), idOfToken(deployment, 'confirm-address', token)];
      return db.write(async (tx) => {
        const row = await tx
          .updateTable('sys_accounts_email_changes')
          .set(agreed ? { agreed_at: sql<Date>`coalesce(agreed_at, now())` } : { confirmed_at: sql<Date>`coalesce(confirmed_at, now())` })
          .where('id', '=', agreed ?? confirmed ?? null)
          .where('expires_at', '>', sql<Date>`now()`)
          .returningAll()
          .executeTakeFirst();
        if (!row) throw errors.LINK_INVALID();
        if (!row.agreed_at || !row.confirmed_at) return { changed: false };
        await changeEmail(tx, row);
        return { changed: true };
      });
    },

    async cancelEmailChange({ token }) {
      const id = idOfToken(deployment, 'cancel-address', token);
      await db.write(async (tx) => {
        const row = await tx.deleteFrom('sys_accounts_email_changes').where('id', '=', id ?? null).where('expires_at', '>', sql<Date>`now()`).returning('account_id').executeTakeFirst();
        if (!row) throw errors.LINK_INVALID();
        await endSessions(tx, { accountId: row.account_id });
      });
      return create(EmptySchema);
    },
  };
}

/** Gives the account the address to which both have said yes, unless somebody else got it meanwhile. */
async function changeEmail(tx: Tx, { id, account_id, new_email }: EmailChangeRow): Promise<void> {
  const account = await tx.selectFrom('sys_accounts_accounts').select('email').where('id', '=', account_id).where('state', '=', 'ACTIVE').forUpdate().executeTakeFirst();
  const taken = await tx.selectFrom('sys_accounts_accounts').select('id').where(sql`lower(email)`, '=', new_email.toLowerCase()).executeTakeFirst();
  if (!account || taken || (await isBarred(tx, new_email))) throw errors.LINK_INVALID();
  await tx.updateTable('sys_accounts_accounts').set({ email: new_email, email_verified_at: sql<Date>`now()`, updated_at: sql<Date>`now()`, version: sql<number>`version + 1` }).where('id', '=', account_id).execute();
  await tx.deleteFrom('sys_accounts_email_changes').where('id', '=', id).execute();
  tx.changed(account_id);
  await tx.enqueue(mailEmailChanged, { accountId: account_id, formerEmail: account.email! });
}

/** A change as the contract shows it. */
export const emailChangeMessage = (row: EmailChangeRow) => ({ newEmail: row.new_email, agreed: row.agreed_at !== null, confirmed: row.confirmed_at !== null, expireTime: timestampFromDate(row.expires_at) });
