import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import type { Module } from '../module/define-module.ts';
import { emailLanguages } from './email-template.ts';
import { emailCatalogue, emailProblems, isWebLink } from './read-templates.ts';
import { emailTextProblems } from './text-problems.ts';

const place = mkdtempSync(join(tmpdir(), 'mainstay-emails-'));
after(() => rmSync(place, { recursive: true }));

const good = "subject: '{code} is your code'\nbody:\n  - text: 'Enter {code}.'\n  - button: Open\n    link: '{link}'\n";
const sound = join(place, 'sound');
mkdirSync(join(sound, 'login-code'), { recursive: true });
writeFileSync(join(sound, 'login-code', 'template.yaml'), "description: A code.\nvalues:\n  code: { example: '123456' }\n  link: { kind: link, example: https://example.test/ }\n");
for (const language of emailLanguages) writeFileSync(join(sound, 'login-code', `${language}.yaml`), good);

const bare = { name: 'mod-probe', config: z.object({}), requires: {} } as Module;
let count = 0;
/** A module whose templates are the sound ones, changed. */
function moduleWith(change: (folder: string) => void = () => {}): Module {
  const folder = join(place, String(++count));
  cpSync(sound, folder, { recursive: true });
  change(folder);
  return { ...bare, emails: pathToFileURL(`${folder}/`) };
}
const problemsWith = (change: (folder: string) => void) => emailProblems([moduleWith(change)]).join('\n');
const write = (file: string, text: string) => (folder: string) => writeFileSync(join(folder, 'login-code', file), text);

test('the templates of all modules are found by module and name', () => {
  const modules = [moduleWith(), { ...bare, name: 'mod-silent' } as Module];
  assert.deepEqual(emailProblems(modules), []);
  const { templates, find } = emailCatalogue(modules);
  assert.equal(templates.length, 1);
  assert.equal(find('mod-probe/login-code')!.texts.ur.subject, '{code} is your code');
  assert.deepEqual(find('mod-probe/login-code')!.values.link, { kind: 'link', example: 'https://example.test/' });
  assert.equal(find('mod-silent/login-code'), undefined);
});

test('what is wrong with templates is told by file', () => {
  assert.match(problemsWith((folder) => rmSync(join(folder, 'login-code', 'tr.yaml'))), /login-code\/tr\.yaml is missing/);
  assert.match(problemsWith(write('pt.yaml', good)), /login-code\/pt\.yaml is not read/);
  assert.match(problemsWith(write('de.yaml', good.replace('Enter {code}', 'Enter {cod}'))), /de\.yaml: body\.0\.text: \{cod\} is no value of this template; it has \{code\}, \{link\}, \{platform\}/);
  assert.match(problemsWith(write('de.yaml', good.replace('Enter {code}', 'Enter {code'))), /a brace stands alone/);
  assert.match(problemsWith(write('de.yaml', good.replace("'{link}'", "'{code}'"))), /\{code\} is not of the kind link/);
  assert.match(problemsWith(write('de.yaml', good.replace("'{link}'", 'https://example.test/{code}'))), /it is one value of the kind link/);
  assert.match(problemsWith(write('de.yaml', 'subject: "two\\r\\nlines"\nbody:\n  - text: x\n')), /de\.yaml:1: .*one line/s);
  assert.match(problemsWith(write('de.yaml', 'subject: x\nbody:\n  - html: <b>\n')), /de\.yaml:3/);
  assert.match(problemsWith(write('template.yaml', 'description: x\nvalues:\n  link: { kind: link, example: "javascript:alert(1)" }\n')), /\{code\} is no value/);
  assert.match(emailProblems([{ ...bare, name: 'mod-bare', emails: pathToFileURL(join(place, 'nowhere/')) } as Module]).join(), /mod-bare declares emails, but there is no folder/);
});

test('a text is checked without its file, too', () => {
  const { values } = emailCatalogue([moduleWith()]).templates[0]!;
  assert.deepEqual(emailTextProblems({ values }, { subject: '{platform}', body: [{ code: '{code}' }] }), []);
  assert.deepEqual(emailTextProblems({ values }, { subject: 'x', body: [{ text: '{nobody}' }, { note: '}' }] }).length, 2);
  assert.deepEqual(emailTextProblems({ values }, { subject: 'x' }).length, 1);
});

test('a link is a whole address of the web', () => {
  for (const link of ['https://example.test/a?b=c#d', 'http://localhost:4400/']) assert.ok(isWebLink(link), link);
  for (const link of ['javascript:alert(1)', 'data:text/html,x', 'https:example.test', '//example.test', '/path', 'https://user:pass@example.test/', 'https://example.test/ x', 'https://example.test/\r\nBcc: x', '']) assert.ok(!isWebLink(link), link);
});
