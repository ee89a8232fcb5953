import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@connectrpc/connect';
import type { CommandTools } from '@mainstay/kernel';
import { quantity } from '@mainstay/kernel/quantity';
import { InvalidArgumentError, type Command } from 'commander';
import { ShardsService, SlotMoveState, type SlotMove } from '../contract/index.ts';

interface MoveOptions {
  to: number;
  process: string;
  dryRun?: boolean;
  wait: boolean;
}

const LOOK_MILLISECONDS = 500;

/** Adds the commands for the shards of the deployment. */
export default function shards(group: Command, cli: CommandTools): void {
  group.description('Where orgs lie that are divided over several databases.');
  group.command('list').summary('list the shards, and what each holds').action(() => list(cli));
  group
    .command('move <slots>')
    .summary('move slots, such as 0-63,70, to a shard, while their orgs are in use')
    .requiredOption('--to <shard>', 'the number of the shard that gets them', shardNumber)
    .option('--process <name>', 'whose shard it is, where several processes are divided', '')
    .option('--dry-run', 'only say what would move')
    .option('--no-wait', 'do not wait for the end')
    .action((slots: string, options: MoveOptions) => move(cli, slots, options));
  group.command('status <move>').summary('show how far a move is').action(async (slotMoveId: string) => tell(cli, await (await cli.client(ShardsService)).getSlotMove({ slotMoveId })));
}

async function list(cli: CommandTools): Promise<void> {
  const { shards: found } = await (await cli.client(ShardsService)).listShards({});
  if (found.length === 0 && !cli.json) return cli.print('nothing is divided into shards');
  cli.table(found.map(({ process, shard, slots, slotCount, orgs, rows, bytes }) => ({ process, shard: String(shard), slots, count: String(slotCount), orgs: String(orgs), rows: String(rows), megabytes: (Number(bytes) / 1e6).toFixed(1) })));
}

async function move(cli: CommandTools, slots: string, { to, process, dryRun = false, wait }: MoveOptions): Promise<void> {
  const client = await cli.client(ShardsService);
  const begun = (await client.moveSlots({ slots, shard: to, process, validateOnly: dryRun })).move!;
  if (dryRun) return cli.json ? cli.table([{ slots: begun.slots, orgs: String(begun.orgs), rows: String(begun.rows) }]) : cli.print(begun.slots ? `${quantity(begun.slotCount, 'slot')} (${begun.slots}) with ${quantity(begun.orgs, 'org')} and ${quantity(begun.rows, 'row')} would move to shard ${to} of ${begun.process}` : `shard ${to} of ${begun.process} owns them already`);
  tell(cli, wait ? await waitFor(cli, client, begun) : begun);
}

async function waitFor(cli: CommandTools, client: Client<typeof ShardsService>, begun: SlotMove): Promise<SlotMove> {
  for (let now = begun; ; now = await client.getSlotMove({ slotMoveId: begun.slotMoveId })) {
    if (!cli.json) cli.progress(now.movedCount, now.slotCount, `${quantity(now.rowsCopied, 'row')} copied, slots moved`);
    if (now.state !== SlotMoveState.SLOT_MOVE_RUNNING) return now;
    await sleep(LOOK_MILLISECONDS);
  }
}

function tell(cli: CommandTools, { slotMoveId, shard, process, state, slots, slotCount, moved, movedCount, rowsCopied, longestHoldMilliseconds, problem }: SlotMove): void {
  const named = SlotMoveState[state].replace('SLOT_MOVE_', '');
  if (cli.json) return cli.table([{ id: slotMoveId, state: named, slots, moved, rows: String(rowsCopied), holdMilliseconds: longestHoldMilliseconds.toFixed(0), problem }]);
  if (state === SlotMoveState.SLOT_MOVE_FAILED) throw new Error(`the move failed: ${problem}; ${quantity(movedCount, 'slot')} had moved before that${moved && ` (${moved})`}, for good`);
  if (state === SlotMoveState.SLOT_MOVE_RUNNING) return cli.print(`${slotMoveId} goes on: ${movedCount} of ${quantity(slotCount, 'slot')} moved; ./mainstay shards status ${slotMoveId} shows how far it is`);
  cli.print(`${quantity(movedCount, 'slot')} moved to shard ${shard} of ${process}; writes were held for at most ${longestHoldMilliseconds.toFixed(0)} ms`);
}

function shardNumber(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('Write the number of a shard, as ./mainstay shards list shows it.');
  return Number(text);
}
