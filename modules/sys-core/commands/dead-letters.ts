import { timestampDate } from '@bufbuild/protobuf/wkt';
import { withEach, type CommandTools } from '@mainstay/kernel';
import { InvalidArgumentError, type Command } from 'commander';
import { DeadLettersService, type DeadLetter } from '../contract/index.ts';

interface ListOptions {
  filter: string;
  orderBy: string;
  limit: number;
}

/** Adds the commands for work that failed for good. */
export default function deadLetters(group: Command, cli: CommandTools): void {
  group.description('Jobs and deliveries of events that failed at every try.');
  group
    .command('list')
    .summary('list them, the newest first')
    .option('--filter <filter>', 'which ones, such as \'module = mod-promist AND fail_time > "2026-11-30"\'', '')
    .option('--order-by <fields>', 'such as "fail_time desc"', '')
    .option('--limit <count>', 'how many at most', count, 50)
    .action((options: ListOptions) => list(cli, options));
  group.command('retry').summary('run them again, with all their tries').argument('<id...>', 'as list shows it', ids).action((given: string[]) => each(cli, given, 'retryDeadLetter', 'queued again'));
  group.command('discard').summary('remove them for good').argument('<id...>', 'as list shows it', ids).action((given: string[]) => each(cli, given, 'discardDeadLetter', 'removed'));
}

async function list(cli: CommandTools, { filter, orderBy, limit }: ListOptions): Promise<void> {
  const client = await cli.client(DeadLettersService);
  const found: DeadLetter[] = [];
  let pageToken = '';
  do {
    const page = await client.listDeadLetters({ filter, orderBy, pageSize: Math.min(limit - found.length, 1000), pageToken });
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
  await withEach(cli, ids, (deadLetterId) => client[method]({ deadLetterId }), { result: 'deadLetterIds', line: (id) => `${id} ${done}`, done });
}

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return Number(text);
}

function ids(text: string, before: readonly string[] = []): string[] {
  if (!/^[1-9]\d{0,17}$/.test(text)) throw new InvalidArgumentError('Write it as ./mainstay dead-letters list shows it.');
  return [...before, text];
}
