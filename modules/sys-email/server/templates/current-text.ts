import { emailTextProblems, type EmailLanguage, type EmailTemplate, type EmailText, type Transaction } from '@mainstay/kernel';
import type { Tables } from '../../database/tables.ts';

type Reading = Pick<Transaction<Tables>, 'selectFrom'>;

/** What a template says now, and which version that is; 0 for the module's own words. */
export interface CurrentText {
  text: EmailText;
  version: number;
  /** How often it was changed. */
  changes: number;
}

/** The name by which a template is kept, such as `sys-accounts/login-code`. */
export const templateName = ({ module, name }: Pick<EmailTemplate, 'module' | 'name'>): string => `${module}/${name}`;

/** What a template says now: an operator's words, unless the module has changed its values so that they fit no more. */
export async function currentText(q: Reading, template: EmailTemplate, language: EmailLanguage): Promise<CurrentText> {
  const latest = await q.selectFrom('sys_email_texts').select(['version', 'content']).where('template', '=', templateName(template)).where('language', '=', language).orderBy('version', 'desc').limit(1).executeTakeFirst();
  const edited = latest?.content && emailTextProblems(template, latest.content).length === 0;
  return { text: edited ? latest.content! : template.texts[language], version: edited ? latest.version : 0, changes: latest?.version ?? 0 };
}

/** What a template said in one version. */
export async function textOfVersion(q: Reading, template: EmailTemplate, language: EmailLanguage, version: number): Promise<EmailText> {
  const kept = version === 0 ? undefined : await q.selectFrom('sys_email_texts').select('content').where('template', '=', templateName(template)).where('language', '=', language).where('version', '=', version).executeTakeFirst();
  return kept?.content && emailTextProblems(template, kept.content).length === 0 ? kept.content : template.texts[language];
}
