import { toJson } from '@bufbuild/protobuf';
import type { CommandTools } from '@mainstay/kernel';
import type { Command } from 'commander';
import { MailboxEmailSchema, MailboxService } from '../contract/index.ts';
import { timeOf } from './sent-emails.ts';

/** Adds the commands for the built-in mailbox of the phases D and T. */
export function addMailboxCommands(group: Command, cli: CommandTools): void {
  group.command('mailbox').summary('list what lies in the mailbox, in phases D and T').option('--to <address>', 'only to this address')
    .action(async ({ to }: { to?: string }) => {
      const { emails } = await (await cli.client(MailboxService)).listMailboxEmails(to === undefined ? {} : { filter: `to = ${JSON.stringify(to.toLowerCase())}` });
      if (emails.length === 0 && !cli.json) return cli.print('the mailbox is empty');
      cli.table(emails.map((email) => ({ id: email.emailId, time: timeOf(email.createTime), to: email.to, subject: email.subject })));
    });
  group.command('read <email>').summary('show an e-mail of the mailbox as plain text')
    .action(async (emailId: string) => {
      const email = await (await cli.client(MailboxService)).getMailboxEmail({ emailId });
      if (cli.json) return cli.print(JSON.stringify(toJson(MailboxEmailSchema, email), null, 2));
      for (const [header, text] of Object.entries({ From: email.fromHeader, To: email.toHeader, Subject: email.subject, ...email.headers })) cli.print(`${header}: ${text}`);
      cli.print(`\n${email.text}`);
    });
}
