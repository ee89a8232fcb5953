import { timestampDate } from '@bufbuild/protobuf/wkt';
import type { CommandTools } from '@mainstay/kernel';
import { InvalidArgumentError, type Command } from 'commander';
import { DeadLettersService, type DeadLetter } from '../contract/index.ts';

/** Adds the commands for work that failed for good. */
export default function deadLetters(group: Command, cli: CommandTools): void {
  group.description('Jobs and deliveries of events that failed at every try.');
  group.command('list').summary('list them, the newest first').option('--limit <count>', 'how many at most', count, 50).action(({ limit }: { limit: number }) => list(cli, limit));
  group.command('retry').summary('run them again, with all their tries').argument('<id...>', 'as list shows it', ids).action((given: string[]) => each(cli, given, 'retryDeadLetter', 'queued again'));
  group.command('discard').summary('remove them for good').argument('<id...>', 'as list shows it', ids).action((given: string[]) => each(cli, given, 'discardDeadLetter', 'removed'));
}

async function list(cli: CommandTools, limit: number): Promise<void> {
  const client = await cli.client(DeadLettersService);
  const found: DeadLetter[] = [];
  let pageToken = '';
  do {
    const page = await client.listDeadLetters({ pageSize: Math.min(limit - found.length, 1000), pageToken });
    found.push(...page.deadLetters);
    pageToken = page.nextPageToken;
  } while (pageToken && found.length < limit);
  const rows = found.map(({ deadLetterId, module, job, attempts, failTime, error }) => ({ id: deadLetterId, module, job, attempts: String(attempts), failed: timestampDate(failTime!).toISOString(), error: error.split('\n')[0]! }));
  if (rows.length === 0 && !cli.json) return cli.print('no dead letters');
  cli.table(rows);
  if (pageToken && !cli.json) cli.print(`and more: --limit ${limit * 2} shows them`);
}

async function each(cli: CommandTools, ids: readonly string[], method: 'retryDeadLetter' | 'discardDeadLetter', done: string): Promise<void> {
  const client = await cli.client(DeadLettersService);
  for (const deadLetterId of ids) {
    await client[method]({ deadLetterId });
    if (!cli.json) cli.print(`${deadLetterId} ${done}`);
  }
  if (cli.json) cli.print(JSON.stringify({ deadLetterIds: ids }, null, 2));
}

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return Number(text);
}

function ids(text: string, before: readonly string[] = []): string[] {
  if (!/^[1-9]\d{0,17}$/.test(text)) throw new InvalidArgumentError('Write it as ./mainstay dead-letters list shows it.');
  return [...before, text];
}
