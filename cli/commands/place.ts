import { place } from '@mainstay/deploy/placing';
import { terminalSteps } from '@mainstay/deploy/steps';
import { quantity } from '@mainstay/kernel/quantity';
import { modules } from '@mainstay/main/modules';
import type { Command } from 'commander';
import { globalOptions } from '../global-options.ts';

const several = (databases: readonly string[]): string => (databases.length > 2 ? `${databases[0]} to ${databases.at(-1)}` : databases.join(' and '));

export default (command: Command) => command
  .description('Move a deployment that is stopped to another placement with its data: the rows, jobs and reminders of each module go to the database in which the placement looks for them, are proved equal there, and are then removed where they were. If it is cut off, the same command goes on; the name of the old placement takes it back.')
  .argument('<file|name>', 'the placement: a file, or a name in deploy/placements/')
  .option('--dry-run', 'only say what would move')
  .action(async (placement: string, { dryRun }: { dryRun?: boolean }) => {
    const { deployment, json } = globalOptions(command);
    const placed = await place({ placement, modules, ...(deployment && { deployment }), ...(dryRun && { dryRun }) }, terminalSteps());
    if (json) return void process.stdout.write(`${JSON.stringify({ ...placed, moved: placed.moved.map(({ tables, ...moved }) => ({ ...moved, ...(tables && { tables: tables.map(({ schema, name, found, equal }) => ({ schema, name, ...found, equal })) }) })) }, null, 2)}\n`);
    const print = (line: string) => void process.stdout.write(`${line}\n`);
    for (const { modules, from, to, rows, jobs, tables } of placed.moved) {
      print(tables ? `${modules.join(', ')}: ${quantity(rows, 'row')} of ${quantity(new Set(tables.map(({ schema, name }) => `${schema}.${name}`)).size, 'table')}, proved equal in ${several(to)}, with ${quantity(jobs ?? 0, 'waiting job')}` : `${modules.join(', ')}: ${quantity(rows, 'row')} would move from ${several(from)} to ${several(to)}`);
    }
    if (placed.moved.length === 0) print(`every row of ${placed.name} is where the placement ${placed.placement} looks for it`);
    if (!dryRun) print(`${placed.name} is in the placement ${placed.placement}; start it with ./mainstay up${deployment ? ` --deployment ${deployment}` : ''}`);
  });
