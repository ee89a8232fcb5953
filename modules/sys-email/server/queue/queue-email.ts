import { timestampDate, type Timestamp } from '@bufbuild/protobuf/wkt';
import { newId, type EmailTemplate } from '@mainstay/kernel';
import { Priority, Sender } from '../../contract/index.ts';
import type { PriorityName, SenderName } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { requireAddress } from '../email-address.ts';
import { nearestLanguage } from '../email-language.ts';
import { isSetUp, type EmailNeeds } from '../needs.ts';
import { valueProblems } from '../render/value-problems.ts';
import { seal } from '../sealed.ts';
import { currentText } from '../templates/current-text.ts';
import { requireLimits } from './require-limits.ts';

/** An e-mail as its sender asks for it. */
export interface WantedEmail {
  to: string;
  toName: string;
  language: string;
  values: Readonly<Record<string, string>>;
  sender: Sender;
  priority: Priority;
  orgId: string;
  accountId: string;
  expireTime?: Timestamp | undefined;
  list: string;
}

/** Checks an e-mail and puts it into its queue; gives its id. */
export async function queueEmail(needs: EmailNeeds, template: EmailTemplate, wanted: WantedEmail): Promise<string> {
  if (!isSetUp(needs)) throw errors.EMAIL_NOT_SET_UP();
  const [sender, priority] = [Sender[wanted.sender] as SenderName, Priority[wanted.priority] as PriorityName];
  const name = `${template.module}/${template.name}`;
  const recipient = requireAddress(wanted.to);
  if (/\p{Cc}/u.test(wanted.toName) || !wanted.toName.isWellFormed()) throw errors.NAME_INVALID();
  if (wanted.list !== '' && (sender === 'LOGIN' || sender === 'SECURITY')) throw errors.LIST_NOT_ALLOWED({ sender });
  return needs.db.write(async (tx) => {
    const language = nearestLanguage(wanted.language);
    const { text, version } = await currentText(tx, template, language);
    const problems = valueProblems(template, text, wanted.values);
    if (problems.length > 0) throw errors.VALUES_INVALID({ template: name, because: problems.slice(0, 5).join('; ') });
    const [accountId, orgId] = [wanted.accountId || null, wanted.orgId || null];
    await requireLimits(needs, tx, { recipient, accountId, orgId, sender });
    const id = newId();
    await tx.insertInto('sys_email_emails').values({
      id, template: name, text_version: version, language, sender, priority, list: wanted.list, recipient, recipient_name: wanted.toName,
      sealed_values: seal(needs.deployment.secret, 'values', id, JSON.stringify(wanted.values)), account_id: accountId, org: orgId,
      expire_time: wanted.expireTime ? timestampDate(wanted.expireTime) : null,
    }).execute();
    return id;
  });
}
