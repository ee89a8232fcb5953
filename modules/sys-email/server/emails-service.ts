import type { ServiceImpl } from '@connectrpc/connect';
import { readList, type Transaction } from '@mainstay/kernel';
import { sql, type UpdateQueryBuilder } from 'kysely';
import { Priority, Sender, type EmailsService } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { errors } from '../errors.ts';
import { emailMessage, shown, type EmailRow } from './email-message.ts';
import { listFields } from './list-fields.ts';
import type { EmailNeeds } from './needs.ts';
import { queueEmail } from './queue/queue-email.ts';

const TEST = 'sys-email/test';
/** So that an operator sees how a subscription is ended, too. */
const TESTS = 'tests';

/** E-mails on their way and what became of them, for operators. */
export function emailsService(needs: EmailNeeds): ServiceImpl<typeof EmailsService> {
  const { db, deployment } = needs;
  return {
    async listEmails(request) {
      const { rows, nextPageToken, totalSize } = await db.read((q) => readList(q, q.selectFrom('sys_email_emails').select(shown), request, { secret: deployment.secret, fields: listFields.emails, defaultOrder: 'create_time desc' }));
      return { emails: rows.map((row) => emailMessage(needs, row)), nextPageToken, totalSize };
    },

    getEmail: async ({ emailId }) => emailMessage(needs, await db.read((q) => findEmail(q, emailId))),

    async retryEmail({ emailId }) {
      const changed = await db.write((tx) => changeFailed(tx, emailId, (update) => update.set({ state: 'QUEUED', attempts: 0, problem: '', end_time: null, next_try: sql<Date>`clock_timestamp()` })));
      return emailMessage(needs, changed);
    },

    async discardEmail({ emailId }) {
      return emailMessage(needs, await db.write((tx) => changeFailed(tx, emailId, (update) => update.set({ state: 'DISCARDED', sealed_values: null }))));
    },

    async sendTestEmail({ to, language }) {
      const wanted = { to, toName: '', language, values: {}, sender: Sender.NOTIFICATION, priority: Priority.HIGH, orgId: '', accountId: '', list: TESTS };
      const emailId = await queueEmail(needs, deployment.emails.find(TEST)!, wanted);
      return emailMessage(needs, await db.write((tx) => findEmail(tx, emailId)));
    },
  };
}

type Reading = Pick<Transaction<Tables>, 'selectFrom'>;
type Update = UpdateQueryBuilder<Tables, 'sys_email_emails', 'sys_email_emails', unknown>;

async function findEmail(q: Reading, emailId: string): Promise<EmailRow> {
  const found = await q.selectFrom('sys_email_emails').select(shown).where('id', '=', emailId).executeTakeFirst();
  if (!found) throw errors.EMAIL_NOT_FOUND({ emailId });
  return found;
}

/** Changes an e-mail that failed for good. Throws `EMAIL_NOT_FAILED` for one that did not. */
async function changeFailed(tx: Transaction<Tables>, emailId: string, change: (update: Update) => Update): Promise<EmailRow> {
  const changed = await change(tx.updateTable('sys_email_emails') as unknown as Update).where('id', '=', emailId).where('state', '=', 'FAILED').returning(shown).executeTakeFirst();
  if (changed) return changed;
  const { state } = await findEmail(tx, emailId);
  throw errors.EMAIL_NOT_FAILED({ emailId, state });
}
