import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { readList } from '@mainstay/kernel';
import type { Selectable } from 'kysely';
import { Sender, type MailboxEmailSchema, type MailboxService } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { listFields } from '../list-fields.ts';
import { hasMailbox, type EmailNeeds } from '../needs.ts';

type Row = Selectable<Tables['sys_email_mailbox']>;

/** What would have been sent, in the phases in which nothing is. */
export function mailboxService(needs: EmailNeeds): ServiceImpl<typeof MailboxService> {
  const { db, deployment } = needs;
  return {
    async listMailboxEmails(request) {
      requireMailbox(needs);
      const { rows, nextPageToken, totalSize } = await db.read((q) => readList(q, q.selectFrom('sys_email_mailbox').selectAll(), request, { secret: deployment.secret, fields: listFields.mailbox, defaultOrder: 'create_time desc' }));
      return { emails: rows.map(listedEmail), nextPageToken, totalSize };
    },

    async getMailboxEmail({ emailId }) {
      requireMailbox(needs);
      const row = await db.read((q) => q.selectFrom('sys_email_mailbox').selectAll().where('id', '=', emailId).executeTakeFirst());
      if (!row) throw errors.EMAIL_NOT_FOUND({ emailId });
      return { ...listedEmail(row), text: row.message.text, html: row.message.html };
    },
  };
}

function requireMailbox(needs: EmailNeeds): void {
  if (!hasMailbox(needs)) throw errors.MAILBOX_OFF();
}

const listedEmail = ({ id, recipient, template, language, sender, message, create_time }: Row) => ({
  emailId: id,
  to: recipient,
  toHeader: message.to,
  fromHeader: message.from,
  subject: message.subject,
  template,
  language,
  sender: Sender[sender],
  headers: message.headers,
  createTime: timestampFromDate(create_time),
}) satisfies MessageInitShape<typeof MailboxEmailSchema>;
