import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CommandTools } from '@mainstay/kernel';
import { startDeployment, type TestDeployment } from '@mainstay/testing';
import { Command } from 'commander';
import { code, send, setUp, someone } from '../testing/sending.ts';
import emails from './emails.ts';

const folder = mkdtempSync(join(tmpdir(), 'mainstay-emails-'));
const logFile = join(folder, 'log');
let deployment: TestDeployment;

before(async () => {
  deployment = await startDeployment({ ...setUp(), logFile });
});

after(async () => {
  await deployment.stop();
  rmSync(folder, { recursive: true });
});

async function run(...args: string[]) {
  const lines: string[] = [];
  const rows: Record<string, string>[] = [];
  const tools: CommandTools = { client: (service) => deployment.client(service, 'root@mainstay.test'), print: (line) => void lines.push(line), table: (table) => void rows.push(...table), progress: () => {}, json: false };
  const program = new Command().exitOverride();
  emails(program.command('emails').exitOverride(), tools);
  await program.parseAsync(['emails', ...args], { from: 'user' });
  return { rows, text: lines.join('\n') };
}

test('an operator tries e-mail, reads it in the mailbox, and bars an address', async () => {
  const to = someone();
  assert.match((await run('test', to, '--language', 'de')).text, /state +sent/);
  const [listed] = (await run('mailbox', '--to', to)).rows;
  assert.equal(listed!.subject, 'test: E-Mail funktioniert');
  const read = (await run('read', listed!.id!)).text;
  assert.match(read, /^List-Unsubscribe-Post: List-Unsubscribe=One-Click$/m);
  assert.match(read, /^Diese E-Mails abbestellen: http:.*\/apps\/sys-email\/unsubscribe\.html#[\w-]+$/m);
  const [, id] = /suppression (\S+)/.exec((await run('suppress', to, '--reason', 'asked to')).text)!;
  await assert.rejects(run('test', to), /an operator said that nothing is sent/);
  assert.deepEqual((await run('suppressions', '--address', to)).rows.map(({ reason, detail }) => [reason, detail]), [['operator', 'asked to']]);
  assert.match((await run('lift', id!)).text, /lifted/);
  assert.ok((await run('list', '--state', 'suppressed')).rows.some((row) => row.to === to));
});

test('an operator words a template anew from a file, and takes it back', async () => {
  const file = join(folder, 'text.yaml');
  const text = (await run('text', 'mod-probe/code', 'en')).text;
  writeFileSync(file, text.replace('Your code', 'The code for {platform}'));
  assert.match((await run('preview', 'mod-probe/code', 'en', '--file', file)).text, /^Subject: The code for test/);
  assert.match((await run('reword', 'mod-probe/code', 'en', file, '--reason', 'clearer')).text, /version 1: worded by an operator/);
  assert.equal((await run('templates')).rows.find((row) => row.template === 'mod-probe/code')!.edited, 'en');
  assert.deepEqual((await run('versions', 'mod-probe/code', 'en')).rows.map(({ subject, reason }) => [subject, reason]), [['The code for {platform}', 'clearer']]);
  assert.match((await run('revert', 'mod-probe/code', 'en', '0')).text, /version 2: the module's own words/);
  writeFileSync(file, 'subject: [');
  await assert.rejects(run('reword', 'mod-probe/code', 'en', file), /holds no text of a template/);
  await assert.rejects(run('text', 'code', 'en'), /MODULE\/NAME/);
});

test('neither addresses nor codes are in the log, or in the clear in the database', async () => {
  const to = someone();
  const secret = 'code-that-nobody-knows';
  await deployment.sql("create function sys_email.hold() returns trigger language plpgsql as 'begin new.next_try = now() + interval ''1 hour''; return new; end'; create trigger hold before insert on sys_email.sys_email_emails for each row execute function sys_email.hold()");
  const { emailId } = await send(deployment, code(to, { values: { code: secret } }));
  await send(deployment, { to: `${to}, x`, values: { title: secret, link: 'javascript:x' } });
  const [row] = await deployment.sql<{ text: string }>('select e::text as text from sys_email.sys_email_emails as e where id = $1', [emailId]);
  assert.ok(!row!.text.includes(secret) && !row!.text.includes(Buffer.from(secret).toString('hex')));
  const log = readFileSync(logFile, 'utf8');
  for (const hidden of [to, secret]) assert.ok(!log.includes(hidden), hidden);
});
