import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Module } from '../module/define-module.ts';
import { readYaml } from '../module/read-yaml.ts';
import { StartError } from '../module/start-error.ts';
import { emailDeclaration, emailLanguages, emailText, type EmailCatalogue, type EmailLanguage, type EmailTemplate, type EmailText } from './email-template.ts';
import { emailTextProblems } from './text-problems.ts';

interface Read {
  templates: EmailTemplate[];
  problems: string[];
}

const DECLARATION = 'template.yaml';
const known = new WeakMap<Module, Read>();

/** What is wrong with the templates of modules, with file and line. */
export const emailProblems = (modules: readonly Module[]): string[] => modules.flatMap((module) => readOf(module).problems);

/** The templates of modules; call only where `emailProblems` finds none. */
export function emailCatalogue(modules: readonly Module[]): EmailCatalogue {
  const templates = modules.flatMap((module) => readOf(module).templates);
  const byName = new Map(templates.map((template) => [`${template.module}/${template.name}`, template]));
  return { templates, find: (template) => byName.get(template) };
}

function readOf(module: Module): Read {
  let read = known.get(module);
  if (!read) known.set(module, (read = readTemplates(module)));
  return read;
}

/** Each folder in `emails` is a template: what it declares, and a file a language. */
function readTemplates({ name: module, emails }: Module): Read {
  if (!emails) return { templates: [], problems: [] };
  const folder = fileURLToPath(emails);
  const read: Read = { templates: [], problems: [] };
  const collect = (work: () => void) => {
    try {
      work();
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      read.problems.push(...error.problems);
    }
  };
  collect(() => {
    for (const name of foldersOf(folder, module)) collect(() => read.templates.push(readTemplate(module, name, join(folder, name))));
  });
  return read;
}

function foldersOf(folder: string, module: string): string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name).sort();
  } catch {
    throw new StartError([`${module} declares emails, but there is no folder ${folder}; make it, with a folder for each template`]);
  }
}

function readTemplate(module: string, name: string, folder: string): EmailTemplate {
  const problems: string[] = [];
  const among = readdirSync(folder);
  const known = [DECLARATION, ...emailLanguages.map((language) => `${language}.yaml`)];
  if (!/^[a-z][a-z0-9-]*$/.test(name)) problems.push(`${folder}: a template is named in kebab-case`);
  problems.push(...known.filter((file) => !among.includes(file)).map((file) => `${join(folder, file)} is missing: a template has ${known.join(', ')}`));
  problems.push(...among.filter((file) => !known.includes(file)).map((file) => `${join(folder, file)} is not read: a template has ${known.join(', ')}`));
  if (problems.length > 0) throw new StartError(problems);
  const declared = readYaml(join(folder, DECLARATION), emailDeclaration);
  const texts = Object.fromEntries(emailLanguages.map((language) => [language, readText(join(folder, `${language}.yaml`), declared, problems)])) as Record<EmailLanguage, EmailText>;
  problems.push(...Object.entries(declared.values).filter(([, { kind, example }]) => kind === 'link' && !isWebLink(example)).map(([value]) => `${join(folder, DECLARATION)}: the example of {${value}} must begin with https://`));
  if (problems.length > 0) throw new StartError(problems);
  return { module, name, ...declared, texts };
}

function readText(file: string, declared: Pick<EmailTemplate, 'values'>, problems: string[]): EmailText {
  const text = readYaml(file, emailText);
  problems.push(...emailTextProblems(declared, text).map((problem) => `${file}: ${problem}`));
  return text;
}

/** Whether a text is a whole address of the web: `https:` or `http:`, without a user in it. */
export function isWebLink(text: string): boolean {
  if (!URL.canParse(text) || /[\s\p{Cc}]/u.test(text)) return false;
  const { protocol, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && /^https?:\/\//i.test(text) && username === '' && password === '';
}
