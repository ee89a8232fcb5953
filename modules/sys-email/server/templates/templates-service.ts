import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { ServiceImpl } from '@connectrpc/connect';
import { emailText, etagOf, type EmailLanguage, type EmailTemplate } from '@mainstay/kernel';
import type { TemplatesService } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import { requireLanguage } from '../email-language.ts';
import type { EmailNeeds } from '../needs.ts';
import { previewOf } from '../queue/compose-message.ts';
import { changeText, requireText, wordsOfVersion } from './change-text.ts';
import { currentText, templateName, type CurrentText } from './current-text.ts';
import { textMessage, textOfMessage } from './text-message.ts';

const MOST_VERSIONS = 100;

/** What e-mails say, for operators, who may word it anew. */
export function templatesService(needs: EmailNeeds): ServiceImpl<typeof TemplatesService> {
  const { db, deployment } = needs;
  const find = ({ module, name, language }: { module: string; name: string; language: string }) => ({ template: findTemplate(needs, module, name), language: requireLanguage(language) });
  return {
    async listTemplates() {
      const edited = await db.read((q) => q.selectFrom('sys_email_texts').select(['template', 'language', 'content']).distinctOn(['template', 'language']).orderBy('template').orderBy('language').orderBy('version', 'desc').execute());
      return { templates: deployment.emails.templates.map((template) => templateMessage(template, edited)).sort((one, other) => (one.template < other.template ? -1 : 1)) };
    },

    async getTemplateText(request) {
      const { template, language } = find(request);
      return textOf(template, language, await db.read((q) => currentText(q, template, language)));
    },

    async updateTemplateText({ text, etag, reason, ...request }) {
      const named = find(request);
      const content = emailText.parse(requireText(named.template, text && textOfMessage(text)));
      return db.write(async (tx) => {
        await changeText(tx, { ...named, etag, reason, to: async () => content });
        return textOf(named.template, named.language, await currentText(tx, named.template, named.language));
      });
    },

    async revertTemplateText({ version, etag, reason, ...request }) {
      const named = find(request);
      return db.write(async (tx) => {
        await changeText(tx, { ...named, etag, reason, to: (inside, { changes }) => wordsOfVersion(inside, named, version, changes) });
        return textOf(named.template, named.language, await currentText(tx, named.template, named.language));
      });
    },

    async listTemplateTextVersions(request) {
      const { template, language } = find(request);
      const rows = await db.read((q) => q.selectFrom('sys_email_texts').selectAll().where('template', '=', templateName(template)).where('language', '=', language).orderBy('version', 'desc').limit(MOST_VERSIONS).execute());
      return { versions: rows.map(({ version, content, reason, account_id, create_time }) => ({ version, ...(content && { text: textMessage(content) }), reason, accountId: account_id ?? '', createTime: timestampFromDate(create_time) })) };
    },

    async previewTemplate({ text, ...request }) {
      const { template, language } = find(request);
      const shown = text ? emailText.parse(requireText(template, textOfMessage(text))) : (await db.read((q) => currentText(q, template, language))).text;
      return previewOf(needs, template, language, shown);
    },
  };
}

function findTemplate({ deployment }: EmailNeeds, module: string, name: string): EmailTemplate {
  const template = deployment.emails.find(`${module}/${name}`);
  if (!template) throw errors.TEMPLATE_NOT_FOUND({ template: `${module}/${name}` });
  return template;
}

function templateMessage(template: EmailTemplate, edited: readonly { template: string; language: string; content: unknown }[]) {
  const values = Object.entries(template.values).map(([name, { kind, example }]) => ({ name, isLink: kind === 'link', example }));
  const name = templateName(template);
  return { template: name, description: template.description, values, editedLanguages: edited.filter((one) => one.template === name && one.content !== null).map(({ language }) => language) };
}

const textOf = (template: EmailTemplate, language: EmailLanguage, { text, version, changes }: CurrentText) => ({ template: templateName(template), language, text: textMessage(text), version: changes, edited: version > 0, etag: etagOf(changes) });
