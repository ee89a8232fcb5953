import type { Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { MailboxMessage, Tables } from '../../database/tables.ts';
import { addressKey } from '../email-address.ts';
import type { ClaimedEmail } from '../queue/claim-emails.ts';
import type { ComposedMessage } from '../queue/compose-message.ts';

/** Puts an e-mail into the built-in mailbox, in the transaction that says that it was sent. */
export async function putIntoMailbox(tx: Transaction<Tables>, { id, recipient, template, language, sender }: ClaimedEmail, message: ComposedMessage): Promise<void> {
  const { from, to, subject, text, html, messageId, date, headers } = message;
  const kept: MailboxMessage = { from: headerOf(from), to: headerOf(to), subject, text, html, headers: { 'Message-ID': messageId, Date: date.toUTCString(), ...headers } };
  await tx.insertInto('sys_email_mailbox')
    .values({ id, recipient: addressKey(recipient), template, language, sender, message: sql`${JSON.stringify(kept)}::jsonb` })
    .onConflict((conflict) => conflict.column('id').doNothing()).execute();
}

const headerOf = ({ name, address }: ComposedMessage['to']): string => (name ? `"${name.replaceAll(/["\\]/g, '')}" <${address}>` : address);
