import { MailboxService, type MailboxEmail } from '@mainstay/sys-email/contract';
import type { TestDeployment } from './start-deployment.ts';

/** The e-mails to an address that lie in the mailbox of a deployment in the phase D or T, with what they say, the oldest first. Wait with `until` for one that is on its way. */
export async function emailsTo(deployment: Pick<TestDeployment, 'client'>, address: string): Promise<MailboxEmail[]> {
  const mailbox = await deployment.client(MailboxService, 'root@mainstay.test');
  const { emails } = await mailbox.listMailboxEmails({ filter: `to = "${address.toLowerCase()}"`, orderBy: 'create_time', pageSize: 1000 });
  return Promise.all(emails.map(({ emailId }) => mailbox.getMailboxEmail({ emailId })));
}
