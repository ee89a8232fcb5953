import { redactText, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import { Email_State, EmailNotSentSchema } from '../../contract/index.ts';
import type { Tables } from '../../database/tables.ts';
import { addressKey } from '../email-address.ts';

/** Notes that an e-mail which a mail server had taken came back. One that this deployment did not send to that address is left alone. */
export async function noteBounce(tx: Transaction<Tables>, address: string, messageId: string, detail: string): Promise<void> {
  const id = /^<?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})@/.exec(messageId)?.[1];
  if (!id) return;
  const problem = redactText(detail.replaceAll(/\p{Cc}+/gu, ' ')).slice(0, 300);
  const bounced = await tx.updateTable('sys_email_emails').set({ state: 'BOUNCED', problem })
    .where('id', '=', id).where('state', '=', 'SENT').where(sql<boolean>`lower(recipient) = ${addressKey(address)}`)
    .returning(['template', 'account_id', 'org']).executeTakeFirst();
  if (bounced) await tx.emit(EmailNotSentSchema, { emailId: id, template: bounced.template, accountId: bounced.account_id ?? '', orgId: bounced.org ?? '', state: Email_State.BOUNCED }, { aggregate: id });
}
