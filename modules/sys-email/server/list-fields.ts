import { queryFields } from '@mainstay/kernel';
import { EmailSchema, MailboxEmailSchema, SuppressionSchema } from '../contract/index.ts';

const time = { column: 'create_time', required: true };

/** Where the fields lie that the module's lists are filtered and ordered by. */
export const listFields = {
  emails: queryFields(EmailSchema, { template: 'template', account_id: { column: 'account_id', uuid: true }, org_id: { column: 'org', uuid: true }, state: 'state', create_time: time }),
  suppressions: queryFields(SuppressionSchema, { address: 'address', reason: 'reason', create_time: time }),
  mailbox: queryFields(MailboxEmailSchema, { to: 'recipient', template: 'template', create_time: time }),
};
