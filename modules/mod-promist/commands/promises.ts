import { type Command, InvalidArgumentError } from 'commander';
import type { CommandTools } from '@mainstay/kernel';
import { ListPromisesRequest_Shelf as Shelf, ListPromisesRequest_View as View, Permission, PromisesService, type Promise as PromiseMessage } from '../contract/index.ts';
import { addPromise } from './add-promise.ts';
import { exportFile } from './export-file.ts';
import { everyPromise, findIds, shortId } from './find-by-short-id.ts';
import { importFile } from './import-file.ts';
import { asJson, detailLines, tableRow } from './show-promise.ts';

interface ListOptions {
  toMe?: boolean;
  shared?: boolean;
  all?: boolean;
  archived?: boolean;
  filter?: string;
  orderBy: string;
  limit: number;
}

/** The commands that change the state of promises, and what they say afterwards. */
const changes = {
  keep: { method: 'fulfillPromise', summary: 'mark promises as kept', done: 'kept' },
  break: { method: 'failPromise', summary: 'mark promises as broken', done: 'broken' },
  reopen: { method: 'reopenPromise', summary: 'make promises pending again', done: 'reopened' },
  delete: { method: 'deletePromise', summary: 'put promises among the recently deleted', done: 'deleted' },
  restore: { method: 'restorePromise', summary: 'bring deleted promises back', done: 'restored' },
} as const;

/** Adds the commands that make, show, keep, break, import and export promises. */
export default function promises(group: Command, cli: CommandTools): void {
  group.description('Make promises, and keep them.');
  group
    .command('import <file>')
    .summary('import promises from iCalendar, Todoist CSV or JSON')
    .description('Import promises from iCalendar, Todoist CSV or JSON; - reads from standard input.\nWhat can\'t be read is refused with its line and the reason, and the rest is imported. The exit code is 0 only if nothing was refused, else 1.')
    .option('--format <json|ics|csv>', 'what the file is written in; found out if absent', formatName)
    .action((file: string, { format }: { format?: string }) => importFile(cli, file, format));
  group
    .command('export')
    .summary('export your promises')
    .option('--format <json|ics|csv>', 'what to write', formatName)
    .option('--output <file>', 'where to; the terminal if absent')
    .action((options: { format?: string; output?: string }) => exportFile(cli, options));
  group
    .command('list')
    .summary('list promises, the most urgent first')
    .option('--to-me', 'those made to you')
    .option('--shared', 'those shared with you')
    .option('--all', 'every one that you may see, archived or not')
    .option('--archived', 'archived ones')
    .option('--filter <filter>', 'which ones, such as \'due_time < "2026-12-01" AND tags:work\'')
    .option('--order-by <fields>', 'such as "made_at desc" or "title"', 'due_time')
    .option('--limit <count>', 'how many at most', count, 50)
    .action((options: ListOptions) => list(cli, options));
  group
    .command('add <title...>')
    .summary('make a promise')
    .option('--to <name>', 'to whom: a name, or the e-mail address of somebody in your org')
    .option('--due <when>', 'such as 2026-11-30, "tomorrow 5pm", "in 2 hours", friday')
    .option('--tag <tag>', 'may be given several times', (tag: string, tags: string[]) => [...tags, tag], [])
    .option('--remind <when>', 'like --due, or "every monday 9am"')
    .option('--description <text>', 'the details')
    .action((title: string[], options) => addPromise(cli, title.join(' '), options));
  group.command('show <id>').summary('show a promise and its history').action((id: string) => show(cli, id));
  group
    .command('share <id> <email>')
    .summary('share a promise with somebody in your org')
    .option('--keep', 'let them change it, keep it and break it')
    .action((id: string, email: string, { keep }: { keep?: boolean }) => share(cli, id, email, keep));
  for (const [name, change] of Object.entries(changes)) {
    group.command(`${name} <id...>`).summary(change.summary).description(`${sentence(change.summary)}\nOf several, those that can't be are told, and the exit code is 1.`).action((ids: string[]) => changeAll(cli, ids, change));
  }
}

async function list(cli: CommandTools, { toMe, shared, all, archived, filter = '', orderBy, limit }: ListOptions): Promise<void> {
  const client = await cli.client(PromisesService);
  const view = toMe ? View.TO_ME : shared ? View.SHARED : all ? View.ALL : View.MADE;
  const shelf = archived ? Shelf.ARCHIVED : all ? Shelf.BOTH : filter ? Shelf.SHELF_UNSPECIFIED : Shelf.CURRENT;
  const found = [];
  for await (const promise of everyPromise(client, { view, shelf, filter, orderBy, pageSize: Math.min(limit + 1, 1000) })) if (found.push(promise) > limit) break;
  const listed = found.slice(0, limit);
  if (cli.json) return cli.print(JSON.stringify({ promises: listed.map(asJson) }, null, 2));
  if (!listed.length) return cli.print('no promises');
  cli.table(listed.map(tableRow));
  if (found.length > limit) cli.print(`and more: --limit ${limit * 2} shows them`);
}

async function show(cli: CommandTools, given: string): Promise<void> {
  const client = await cli.client(PromisesService);
  const [promiseId] = (await findIds(client, [given])) as [string];
  const promise = await client.getPromise({ promiseId });
  if (cli.json) return cli.print(JSON.stringify(asJson(promise), null, 2));
  detailLines(promise, (await client.listChanges({ promiseId })).changes).forEach((line) => cli.print(line));
}

async function share(cli: CommandTools, given: string, account: string, keep = false): Promise<void> {
  const client = await cli.client(PromisesService);
  const [promiseId] = (await findIds(client, [given])) as [string];
  const promise = await client.sharePromise({ promiseId, account, permission: keep ? Permission.KEEP : Permission.VIEW });
  if (cli.json) return cli.print(JSON.stringify(asJson(promise), null, 2));
  cli.print(`shared ${shortId(promise.id)} with ${account}, who may ${keep ? 'keep' : 'view'} it: ${promise.title}`);
}

const sentence = (summary: string): string => `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;

/** Changes one promise after the other; what can't be changed is told at the end. */
async function changeAll(cli: CommandTools, given: readonly string[], { method, done }: (typeof changes)[keyof typeof changes]): Promise<void> {
  const client = await cli.client(PromisesService);
  const changed: PromiseMessage[] = [];
  const problems: { id: string; reason: string }[] = [];
  for (const promiseId of await findIds(client, given)) {
    try {
      const promise = await client[method]({ promiseId });
      changed.push(promise);
      if (!cli.json) cli.print(`${done} ${shortId(promiseId)}  ${promise.title}`);
    } catch (error) {
      if (given.length === 1) throw error;
      problems.push({ id: promiseId, reason: (error as { rawMessage?: string }).rawMessage ?? (error as Error).message });
      if (!cli.json) cli.print(`not ${done} ${shortId(promiseId)}: ${problems.at(-1)!.reason}`);
    }
  }
  if (cli.json) cli.print(JSON.stringify({ promises: changed.map(asJson), problems }, null, 2));
  if (problems.length) throw new Error(`${problems.length} of ${given.length} promises were not ${done}`);
}

function formatName(text: string): string {
  const name = text.toUpperCase();
  if (!['JSON', 'ICS', 'CSV'].includes(name)) throw new InvalidArgumentError('It must be json, ics or csv.');
  return name;
}

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return Number(text);
}
