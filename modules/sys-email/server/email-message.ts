import type { MessageInitShape } from '@bufbuild/protobuf';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { currentCall } from '@mainstay/kernel';
import type { Selectable } from 'kysely';
import { Email_State, Priority, Sender, type EmailSchema } from '../contract/index.ts';
import type { Tables } from '../database/tables.ts';
import { domainOf } from './email-address.ts';
import type { EmailNeeds } from './needs.ts';
import { messageIdOf } from './queue/compose-message.ts';

export type EmailRow = Omit<Selectable<Tables['sys_email_emails']>, 'sealed_values' | 'text_version' | 'recipient_name' | 'claimed_until'>;

/** What of an e-mail its message is made of; never what it says. */
export const shown = ['id', 'template', 'language', 'sender', 'priority', 'list', 'recipient', 'account_id', 'org', 'state', 'attempts', 'next_try', 'expire_time', 'problem', 'create_time', 'end_time'] as const satisfies (keyof EmailRow)[];

const optional = (time: Date | null) => (time ? timestampFromDate(time) : undefined);

/** An e-mail as the caller may see it: whose address it is, Maintenance does not need to know. */
export const emailMessage = (needs: Pick<EmailNeeds, 'config'>, row: EmailRow): MessageInitShape<typeof EmailSchema> => ({
  emailId: row.id,
  to: maySeeAddresses() ? row.recipient : `…${domainOf(row.recipient)}`,
  template: row.template,
  language: row.language,
  sender: Sender[row.sender],
  priority: Priority[row.priority],
  list: row.list,
  accountId: row.account_id ?? '',
  orgId: row.org ?? '',
  state: Email_State[row.state],
  attempts: row.attempts,
  problem: row.problem,
  nextTryTime: optional(row.next_try),
  expireTime: optional(row.expire_time),
  createTime: timestampFromDate(row.create_time),
  endTime: optional(row.end_time),
  messageId: messageIdOf(needs, row),
});

function maySeeAddresses(): boolean {
  const { principal } = currentCall();
  return principal.kind === 'account' && principal.roles.some(({ role }) => role === 'SUPERADMIN');
}
