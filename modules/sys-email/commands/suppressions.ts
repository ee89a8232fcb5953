import type { CommandTools } from '@mainstay/kernel';
import type { Command } from 'commander';
import { Suppression_Reason as Reason, SuppressionsService } from '../contract/index.ts';
import { each, timeOf } from './sent-emails.ts';

/** Adds the commands for addresses that are not sent to. */
export function addSuppressionCommands(group: Command, cli: CommandTools): void {
  const client = () => cli.client(SuppressionsService);
  group.command('suppressions').summary('list addresses that are not sent to').option('--address <address>', 'only this address')
    .action(async ({ address }: { address?: string }) => {
      const { suppressions } = await (await client()).listSuppressions(address === undefined ? {} : { filter: `address = ${JSON.stringify(address.toLowerCase())}` });
      if (suppressions.length === 0 && !cli.json) return cli.print('no suppressions');
      cli.table(suppressions.map((one) => ({ id: one.suppressionId, address: one.address, reason: Reason[one.reason].toLowerCase(), list: one.list, since: timeOf(one.createTime), detail: one.detail })));
    });
  group.command('suppress <address>').summary('send nothing to an address any more').option('--reason <text>', 'why', '')
    .action(async (address: string, { reason }: { reason: string }) => {
      const { suppressionId } = await (await client()).createSuppression({ address, detail: reason });
      cli.print(cli.json ? JSON.stringify({ suppressionId }) : `nothing is sent to the address any more: suppression ${suppressionId}`);
    });
  group.command('lift <suppression...>').summary('send to addresses again').action((ids: string[]) => each(cli, ids, 'lifted', async (suppressionId) => (await client()).deleteSuppression({ suppressionId })));
}
