import type { EmailText } from '@mainstay/kernel';
import type { Generated } from 'kysely';

export type SenderName = 'LOGIN' | 'SECURITY' | 'ALERT' | 'NOTIFICATION';
export type PriorityName = 'HIGH' | 'LOW';
export type EmailState = 'QUEUED' | 'SENDING' | 'SENT' | 'BOUNCED' | 'SUPPRESSED' | 'EXPIRED' | 'FAILED' | 'DISCARDED';
export type SuppressionReason = 'BOUNCE' | 'COMPLAINT' | 'UNSUBSCRIBED' | 'OPERATOR';

/** An e-mail as it lies in the mailbox. */
export interface MailboxMessage {
  to: string;
  from: string;
  subject: string;
  headers: Record<string, string>;
  text: string;
  html: string;
}

/** The module's tables, as Kysely takes them. */
export interface Tables {
  sys_email_emails: {
    id: string;
    template: string;
    text_version: number;
    language: string;
    sender: SenderName;
    priority: PriorityName;
    list: Generated<string>;
    recipient: string;
    recipient_name: Generated<string>;
    sealed_values: Buffer | null;
    account_id: string | null;
    org: string | null;
    state: Generated<EmailState>;
    attempts: Generated<number>;
    next_try: Generated<Date | null>;
    claimed_until: Date | null;
    expire_time: Date | null;
    problem: Generated<string>;
    create_time: Generated<Date>;
    end_time: Date | null;
  };
  sys_email_suppressions: {
    id: string;
    address: string;
    list: Generated<string>;
    reason: SuppressionReason;
    detail: Generated<string>;
    create_time: Generated<Date>;
  };
  sys_email_texts: {
    template: string;
    language: string;
    version: number;
    content: EmailText | null;
    reason: string;
    account_id: string | null;
    create_time: Generated<Date>;
  };
  sys_email_mailbox: {
    id: string;
    recipient: string;
    template: string;
    language: string;
    sender: SenderName;
    message: MailboxMessage;
    create_time: Generated<Date>;
  };
}
