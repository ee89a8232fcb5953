import { timestampDate, timestampFromDate } from '@bufbuild/protobuf/wkt';
import type { CommandTools } from '@mainstay/kernel';
import { InvalidArgumentError, type Command } from 'commander';
import { AuditService, type AuditEntry } from '../contract/index.ts';
import { pastTime } from './past-time.ts';
import { verifyAudit, type Position } from './verify-audit.ts';

interface ListOptions {
  org?: string;
  account?: string;
  method?: string;
  module?: string;
  outcome?: string;
  failed?: boolean;
  subject?: string;
  trace?: string;
  filter?: string;
  orderBy?: string;
  since?: Date;
  until?: Date;
  limit: number;
}

const largestPage = 1000;

/** Adds the commands that read the audit and check it. */
export default function audit(group: Command, cli: CommandTools): void {
  group.description('Who did what, for whom, when, from where, and how it ended.');
  group
    .command('list')
    .summary('list what was done, the newest first')
    .option('--org <id>', 'only in this org')
    .option('--account <id>', 'only by this account, or on its behalf')
    .option('--method <name>', 'only this method, such as mod.promist.v1.PromisesService/CreatePromise')
    .option('--module <name>', 'only methods of this module')
    .option('--outcome <reason>', 'only what ended so: OK, or the reason of an error')
    .option('--failed', 'only what did not end well')
    .option('--subject <id>', 'only what was done to this')
    .option('--trace <id>', 'only calls of this trace')
    .option('--since <time>', 'only from then on: 2026-11-30, 2026-11-30T09:00 (UTC), or 2h for the last two hours', (text) => pastTime(text))
    .option('--until <time>', 'only before then', (text) => pastTime(text))
    .option('--filter <filter>', 'which ones, such as \'client_address = "192.0.2.7" AND NOT outcome = OK\'')
    .option('--order-by <fields>', 'time, for the oldest first')
    .option('--limit <count>', 'how many at most', count, 50)
    .action((options: ListOptions) => list(cli, options));
  group.command('show <id>').summary('show all about one entry').action((id: string) => show(cli, id));
  group
    .command('verify')
    .summary('check that nothing of it was changed, removed or put in')
    .description('Check that nothing of the audit was changed, removed or put in. Fails at the first place where something was. An end that was cut off is found by the newest head, which the deployment notes in its data folder.\nNote the head that it prints, outside of the deployment: with --from it proves later that nothing before it was cut off.')
    .option('--from <sequence:hash>', 'begin behind this entry, which must still be as it was', position)
    .action(({ from }: { from?: Position }) => verifyAudit(cli, from));
}

async function list(cli: CommandTools, { limit, since, until, org = '', account = '', method = '', module = '', outcome = '', failed, subject = '', trace = '', filter = '', orderBy = '' }: ListOptions): Promise<void> {
  const client = await cli.client(AuditService);
  const asked = { orgId: org, accountId: account, method, module, outcome, failed, subjectId: subject, traceId: trace, filter, orderBy, ...(since && { startTime: timestampFromDate(since) }), ...(until && { endTime: timestampFromDate(until) }) };
  const entries: AuditEntry[] = [];
  let pageToken = '';
  do {
    const page = await client.listAuditEntries({ ...asked, pageSize: Math.min(limit - entries.length, largestPage), pageToken });
    entries.push(...page.entries);
    pageToken = page.nextPageToken;
  } while (pageToken && entries.length < limit);
  if (cli.json) return cli.print(JSON.stringify({ entries: entries.map(asJson) }, null, 2));
  if (entries.length === 0) return cli.print('no entries');
  cli.table(entries.map(tableRow));
  if (pageToken) cli.print(`and more: --limit ${limit * 2} shows them`);
}

async function show(cli: CommandTools, entryId: string): Promise<void> {
  const entry = asJson(await (await cli.client(AuditService)).getAuditEntry({ entryId }));
  if (cli.json) return cli.print(JSON.stringify(entry, null, 2));
  const lines = Object.entries(entry).flatMap(([key, value]) => (typeof value === 'object' ? Object.entries(value).map(([field, id]) => [field, id] as const) : [[key, String(value)] as const]));
  for (const [key, value] of lines) if (value !== '') cli.print(`${key.padEnd(16)} ${value}`);
}

const tableRow = ({ entryId, sequence, time, method, outcome, accountId, actorAccountId, actingModule, orgId, clientAddress, subjects }: AuditEntry) => ({
  '#': String(sequence),
  time: timestampDate(time!).toISOString(),
  who: (accountId || actingModule || 'nobody') + (actorAccountId && ` (by ${actorAccountId})`),
  org: orgId,
  method: method.slice(method.lastIndexOf('.', method.indexOf('/')) + 1),
  outcome,
  from: clientAddress,
  to: shortList(Object.values(subjects)),
  id: entryId,
});

/** The first, and how many more there are: `show` tells them all. */
const shortList = ([first = '', ...more]: string[]) => (more.length > 0 ? `${first} +${more.length}` : first);

function asJson({ $typeName: _, $unknown: __, sequence, time, principalKind: ___, ...entry }: AuditEntry) {
  return { ...entry, sequence: Number(sequence), time: timestampDate(time!).toISOString() };
}

function position(text: string): Position {
  const [, sequence, hash] = /^([1-9]\d{0,15}):([0-9a-f]{64})$/i.exec(text) ?? [];
  if (!sequence) throw new InvalidArgumentError('Write it as an earlier check printed it: a number, a colon, and 64 hexadecimal digits.');
  return { sequence: BigInt(sequence), hash: hash! };
}

function count(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('It must be a whole number of at least 1.');
  return Number(text);
}
