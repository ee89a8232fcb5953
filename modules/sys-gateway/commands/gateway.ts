import type { CommandTools } from '@mainstay/kernel';
import { quantity } from '@mainstay/kernel/quantity';
import type { Command } from 'commander';
import { Breaker_State as State, GatewayService } from '../contract/index.ts';

/** Adds the commands that show what the gateway does. */
export default function gateway(group: Command, cli: CommandTools): void {
  group.description('The public door: what is served, and how much. Its settings change it: ./mainstay settings set sys-gateway.limitPerAccount \'{"requests":600,"seconds":60}\' --dry-run');
  group.command('routes').summary('list every method, where it runs, and whether it is switched on').option('--service <name>', 'only those of services whose name contains this', '').action((options: { service: string }) => routes(cli, options));
  group.command('breakers').summary('list how calls to other processes fare').action(() => breakers(cli));
  group.command('limits').summary('list the limits on requests').action(() => limits(cli));
}

async function routes(cli: CommandTools, { service: part }: { service: string }): Promise<void> {
  const { routes: found } = await (await cli.client(GatewayService)).listRoutes({});
  cli.table(found.filter(({ service }) => service.includes(part)).map(({ service, method, restPaths, instances, shards, operatorsOnly, switchedOff, switchedOffReason }) => ({
    method: `${service}/${method}`,
    rest: restPaths.join(', '),
    'runs in': shards > 0 ? `${instances.join(', ')} (${quantity(shards, 'shard')})` : instances.join(', '),
    for: operatorsOnly ? 'operators' : 'all',
    state: switchedOff ? `off: ${switchedOffReason}` : 'on',
  })));
}

async function limits(cli: CommandTools): Promise<void> {
  const { limits: found, loopback, instances } = await (await cli.client(GatewayService)).listLimits({});
  cli.table(found.map(({ name, requests, seconds, share, callers }) => ({ limit: name, requests: requests === 0 ? 'any number' : `${requests} in ${seconds} s`, 'here of them': requests === 0 ? '' : String(Math.round(share * 100) / 100), callers: String(callers) })));
  if (cli.json) return;
  cli.print(`They ${loopback ? 'count' : 'do not count'} for requests from this machine itself${instances > 1 ? `, and are shared by ${instances} instances` : ''}.`);
}

async function breakers(cli: CommandTools): Promise<void> {
  const { breakers: found } = await (await cli.client(GatewayService)).listBreakers({});
  if (found.length === 0 && !cli.json) return cli.print('no other process was called');
  cli.table(found.map(({ $typeName: _, $unknown: __, process, state, ...numbers }) => ({ process, state: State[state], ...Object.fromEntries(Object.entries(numbers).map(([name, number]) => [name, String(number)])) })));
}
