import { readFileSync } from 'node:fs';
import { fromJson, toJson, type JsonValue } from '@bufbuild/protobuf';
import type { CommandTools } from '@mainstay/kernel';
import type { Command } from 'commander';
import { parse, stringify } from 'yaml';
import { EmailTextSchema, TemplatesService, type EmailText } from '../contract/index.ts';
import { timeOf } from './sent-emails.ts';

interface Changing {
  reason: string;
}

/** Adds the commands for what e-mails say. */
export function addTemplateCommands(group: Command, cli: CommandTools): void {
  const client = () => cli.client(TemplatesService);
  const reason = ['--reason <text>', 'why it is changed', ''] as const;
  group.command('templates').summary('list the templates of all modules').action(async () => {
    const { templates } = await (await client()).listTemplates({});
    cli.table(templates.map(({ template, description, values, editedLanguages }) => ({ template, description, values: values.map(({ name }) => name).join(' '), edited: editedLanguages.join(' ') })));
  });
  group.command('text <template> <language>').summary('print what a template says, to change and give to reword').action(async (template: string, language: string) => {
    const found = await (await client()).getTemplateText({ ...named(template), language });
    cli.print(cli.json ? JSON.stringify(toJson(EmailTextSchema, found.text!), null, 2) : stringify(toJson(EmailTextSchema, found.text!)).trimEnd());
  });
  group.command('preview <template> <language>').summary('show the e-mail, filled with examples').option('--html', 'as HTML').option('--file <file>', 'with the words of a file')
    .action(async (template: string, language: string, { html, file }: { html?: boolean; file?: string }) => {
      const shown = await (await client()).previewTemplate({ ...named(template), language, ...(file !== undefined && { text: textIn(file) }) });
      if (cli.json) return cli.print(JSON.stringify({ subject: shown.subject, text: shown.text, html: shown.html }, null, 2));
      cli.print(html ? shown.html : `Subject: ${shown.subject}\n\n${shown.text}`);
    });
  group.command('reword <template> <language> <file>').summary('let a template say what is in a file').option(...reason)
    .action(async (template: string, language: string, file: string, { reason }: Changing) => told(cli, await (await client()).updateTemplateText({ ...named(template), language, text: textIn(file), reason })));
  group.command('revert <template> <language> <version>').summary('give a template the words of an earlier version; 0 for its module\'s own').option(...reason)
    .action(async (template: string, language: string, version: string, { reason }: Changing) => told(cli, await (await client()).revertTemplateText({ ...named(template), language, version: Number(version), reason })));
  group.command('versions <template> <language>').summary('list the versions of what a template says').action(async (template: string, language: string) => {
    const { versions } = await (await client()).listTemplateTextVersions({ ...named(template), language });
    if (versions.length === 0 && !cli.json) return cli.print('never changed');
    cli.table(versions.map(({ version, text, reason, accountId, createTime }) => ({ version: String(version), time: timeOf(createTime), subject: text?.subject ?? '(the module\'s own words)', reason, account: accountId })));
  });
}

function named(template: string): { module: string; name: string } {
  const [module = '', name = '', ...rest] = template.split('/');
  if (!module || !name || rest.length > 0) throw new Error(`a template is named as MODULE/NAME, such as sys-email/test, not ${template}`);
  return { module, name };
}

/** The words in a file, as `text` prints them. */
function textIn(file: string): EmailText {
  try {
    return fromJson(EmailTextSchema, parse(readFileSync(file, 'utf8')) as JsonValue);
  } catch (error) {
    throw new Error(`${file} holds no text of a template, as ./mainstay emails text prints it: ${(error as Error).message}`, { cause: error });
  }
}

const told = (cli: CommandTools, { version, edited }: { version: number; edited: boolean }): void => cli.print(cli.json ? JSON.stringify({ version, edited }) : `version ${version}: ${edited ? 'worded by an operator' : 'the module\'s own words'}`);
