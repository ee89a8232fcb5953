import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { Client } from '@connectrpc/connect';
import { Priority, Sender, type EmailService } from '@mainstay/sys-email/contract';
import type { AccountRow } from '../account-message.ts';

/** Who gets an e-mail. */
export interface Reader {
  email: string;
  name?: string;
  language: string;
  accountId?: string;
}

/** An e-mail of this module. */
export interface Letter {
  /** The folder of its texts in `emails/`. */
  template: string;
  to: Reader;
  values: Record<string, string>;
  /** What happened to the account is `SECURITY` if absent. */
  sender?: Sender;
  orgId?: string;
  /** When it is of no use any more. */
  expires?: Date;
}

/** Hands an e-mail over for sending. From a job alone: then a repetition queues nothing twice. */
export async function send(email: Client<typeof EmailService>, { template, to, values, sender = Sender.SECURITY, orgId = '', expires }: Letter): Promise<void> {
  await email.sendEmail({
    to: to.email,
    toName: to.name ?? '',
    language: to.language,
    template: `sys-accounts/${template}`,
    values,
    sender,
    priority: sender === Sender.NOTIFICATION ? Priority.LOW : Priority.HIGH,
    orgId,
    accountId: to.accountId ?? '',
    expireTime: expires && timestampFromDate(expires),
  });
}

/** An account as the reader of an e-mail. */
export const readerOf = ({ id, email, display_name, language }: Pick<AccountRow, 'id' | 'email' | 'display_name' | 'language'>): Reader => ({ email: email!, name: display_name, language, accountId: id });
