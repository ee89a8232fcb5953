import type { CommandTools } from '@mainstay/kernel';
import { InvalidArgumentError, type Command } from 'commander';
import { addMailboxCommands } from './mailbox.ts';
import { sentCommands } from './sent-emails.ts';
import { addSuppressionCommands } from './suppressions.ts';
import { addTemplateCommands } from './templates.ts';

/** Adds the commands by which operators look after e-mail. */
export default function emails(group: Command, cli: CommandTools): void {
  group.description('Look after e-mail: what was sent, what it says, and to whom nothing is sent.');
  const sent = sentCommands(cli);
  group.command('list').summary('list e-mails, the newest first')
    .option('--state <state>', 'only those that are queued, sending, sent, bounced, suppressed, expired, failed or discarded')
    .option('--filter <filter>', 'which ones, such as \'template = "sys-email/test"\'', '')
    .option('--limit <count>', 'how many at most', count, 50)
    .action(sent.list);
  group.command('show <email>').summary('show what became of an e-mail').action(sent.show);
  group.command('retry <email...>').summary('send e-mails that failed for good again').action(sent.retry);
  group.command('discard <email...>').summary('give up e-mails that failed for good').action(sent.discard);
  group.command('test <address>').summary('send a test e-mail, and tell what became of it').option('--language <language>', 'in which language', 'en').action(sent.test);
  addMailboxCommands(group, cli);
  addSuppressionCommands(group, cli);
  addTemplateCommands(group, cli);
}

function count(text: string): number {
  if (!/^[1-9]\d{0,2}$|^1000$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1 to 1000.');
  return Number(text);
}
