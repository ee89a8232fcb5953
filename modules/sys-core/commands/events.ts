import { timestampFromDate, timestampDate } from '@bufbuild/protobuf/wkt';
import type { CommandTools } from '@mainstay/kernel';
import type { Command } from 'commander';
import { EventsService } from '../contract/index.ts';
import { pastTime } from './past-time.ts';

interface ReplayOptions {
  module: string;
  handler?: string;
  type?: string;
  from: Date;
  to?: Date;
  dryRun?: boolean;
}

/** Adds the commands for the bus of events. */
export default function events(group: Command, cli: CommandTools): void {
  group.description('What modules announce to each other.');
  group.command('lag').summary('how far each handler is behind').option('--module <module>', 'only those of this module', '').action(({ module }: { module: string }) => lag(cli, module));
  group
    .command('replay')
    .summary('let handlers run again for what was announced')
    .requiredOption('--module <module>', 'whose handlers')
    .requiredOption('--from <time>', 'from when on, such as 2h or 2026-11-30T12:00', (text: string) => pastTime(text))
    .option('--to <time>', 'until before when; now if absent', (text: string) => pastTime(text))
    .option('--handler <handler>', 'only this one, as lag shows it')
    .option('--type <event>', 'only events of this type')
    .option('--dry-run', 'only tell how many there are')
    .action((options: ReplayOptions) => replay(cli, options));
}

async function lag(cli: CommandTools, module: string): Promise<void> {
  const { handlers, keptSince } = await (await cli.client(EventsService)).listHandlerLag({ module });
  if (handlers.length === 0 && !cli.json) return cli.print('no handlers');
  cli.table(handlers.map(({ module: of, handler, waiting, retrying, deadLetters, lagSeconds }) => ({ module: of, handler, waiting: String(waiting), retrying: String(retrying), dead: String(deadLetters), behind: `${lagSeconds.toFixed(1)} s` })));
  if (!cli.json) cli.print(`events are kept since ${timestampDate(keptSince!).toISOString()}`);
}

async function replay(cli: CommandTools, { module, handler = '', type = '', from, to, dryRun = false }: ReplayOptions): Promise<void> {
  const client = await cli.client(EventsService);
  const { replayId, handlers } = await client.replayEvents({ module, handler, eventType: type, fromTime: timestampFromDate(from), toTime: to && timestampFromDate(to), validateOnly: dryRun });
  cli.table(handlers.map(({ handler: name, events: count }) => ({ handler: name, events: String(count) })));
  if (!cli.json) cli.print(dryRun ? 'nothing was done: without --dry-run the handlers run again for these' : `replay ${replayId} is queued; ./mainstay events lag shows how far it is`);
}
