import { caller, emailTextProblems, requireMatch, type EmailLanguage, type EmailTemplate, type EmailText, type Transaction } from '@mainstay/kernel';
import { sql } from 'kysely';
import type { Tables } from '../../database/tables.ts';
import { errors } from '../../errors.ts';
import { currentText, templateName, type CurrentText } from './current-text.ts';

export interface TextChange {
  template: EmailTemplate;
  language: EmailLanguage;
  etag: string;
  reason: string;
  /** The new words; null for the module's own. Given what there is. */
  to: (tx: Transaction<Tables>, now: CurrentText) => Promise<EmailText | null>;
}

/** Words a template anew, as another version. Throws `TEXT_CHANGED_MEANWHILE`. */
export async function changeText(tx: Transaction<Tables>, { template, language, etag, reason, to }: TextChange): Promise<void> {
  const name = templateName(template);
  // Two changes of one text come one after the other.
  await sql`select pg_advisory_xact_lock(hashtextextended(${`sys-email text ${name} ${language}`}, 0))`.execute(tx);
  const now = await currentText(tx, template, language);
  requireMatch(now.changes, etag, errors.TEXT_CHANGED_MEANWHILE({ template: name }));
  const content = await to(tx, now);
  await sql`insert into sys_email_texts (template, language, version, content, reason, account_id)
    values (${name}, ${language}, ${now.changes + 1}, ${content && JSON.stringify(content)}::jsonb, ${reason}, ${caller().accountId})`.execute(tx);
}

/** The words of an earlier version. Throws `TEXT_VERSION_UNKNOWN`. */
export async function wordsOfVersion(tx: Transaction<Tables>, { template, language }: Pick<TextChange, 'template' | 'language'>, version: number, last: number): Promise<EmailText | null> {
  if (version === 0) return null;
  const kept = await tx.selectFrom('sys_email_texts').select('content').where('template', '=', templateName(template)).where('language', '=', language).where('version', '=', version).executeTakeFirst();
  if (!kept) throw errors.TEXT_VERSION_UNKNOWN({ template: templateName(template), version, last });
  return kept.content && requireText(template, kept.content);
}

/** A text that can be sent. Throws `TEXT_INVALID` with all that is wrong. */
export function requireText(template: EmailTemplate, text: unknown): EmailText {
  const problems = emailTextProblems(template, text);
  if (problems.length > 0) throw errors.TEXT_INVALID({ because: problems.slice(0, 5).join('; ') });
  return text as EmailText;
}
