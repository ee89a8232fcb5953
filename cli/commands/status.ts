import type { Command } from 'commander';
import { deploymentName, deploymentStatus, type DeploymentStatus, findDeploymentFile, type StateFolder, stateFolder, stateFolders } from '@mainstay/deploy';
import { globalOptions } from '../global-options.ts';
import { formatTable } from '../terminal/print-table.ts';

export default (command: Command) => command
  .description('Show what runs: address, modules, processes, memory, database. With --json for programs.')
  .action(async () => {
    const { deployment, json } = globalOptions(command);
    const statuses = await Promise.all((deployment ? [named(deployment)] : stateFolders()).map(deploymentStatus));
    const lines = json ? [JSON.stringify({ deployments: statuses }, null, 2)] : statuses.flatMap(describe);
    process.stdout.write(`${lines.length > 0 ? lines.join('\n') : 'nothing has been started here; start the demo with ./mainstay up'}\n`);
  });

/** A deployment that was started here once, or that can be. */
function named(deployment: string): StateFolder {
  const name = deploymentName(deployment);
  if (!stateFolders().some((folder) => folder.name === name)) findDeploymentFile(deployment);
  return stateFolder(name);
}

const mebibytes = (bytes: number): string => `${(bytes / 1024 / 1024).toFixed(0)} MiB`;

function describe(status: DeploymentStatus): string[] {
  const { name, state, placement, phase, address, operatorsAddress, uptimeSeconds = 0, modules = [], processes, database } = status;
  if (state === 'stopped') return [`${name} is not running`];
  if (state === 'abandoned') return [`${name} lost its controller and left processes behind; clean up with ./mainstay down, or go on with ./mainstay up`, ...processTable(processes)];
  const total = processes.reduce((sum, { rss, pss = rss }) => sum + pss, 0);
  return [
    `${name} is ${state}${placement && placement !== 'one-process' ? ` in the placement ${placement}` : ''}${phase ? ` (phase ${phase})` : ''}${address ? ` at ${address}` : ''} for ${uptime(uptimeSeconds)}`,
    ...(operatorsAddress ? [`  for operators: ${operatorsAddress}/metrics`] : []),
    ...indent(formatTable(modules.map(({ name, state, problem = '' }) => ({ module: name, state, problem })))),
    ...processTable(processes),
    `  memory in all ${mebibytes(total)}${database ? `, database ${mebibytes(database.bytes)}` : ''}${database?.deadLetters ? `, ${database.deadLetters} dead letters` : ''}`,
  ];
}

function processTable(processes: DeploymentStatus['processes']): string[] {
  const memory = ({ pid, rss, pss }: DeploymentStatus['processes'][number]) => ({ pid: String(pid), resident: mebibytes(rss), share: pss === undefined ? '' : mebibytes(pss) });
  const several = processes.filter(({ what }) => what === 'process').length > 1;
  if (!several) return indent(formatTable(processes.map((status) => ({ process: status.what, ...memory(status) }))));
  return indent(formatTable(processes.map((status) => ({ process: status.instance?.name ?? status.what, ...memory(status), ...placeOf(status.instance) }))));
}

/** What a process of a placement with several does. */
const placeOf = (instance: DeploymentStatus['processes'][number]['instance']) => ({
  state: instance ? (instance.state === 'beside' ? 'changing places' : instance.state) : '',
  restarts: instance?.restarts ? String(instance.restarts) : '',
  call: instance?.costMicroseconds === undefined ? '' : `${instance.costMicroseconds} µs`,
  shard: instance?.shard ? `${instance.shard.index} of ${instance.shard.count}` : '',
  replica: instance?.replica ? `${instance.replica.index} of ${instance.replica.count}` : '',
  modules: instance?.modules.join(', ') ?? '',
});

const indent = (lines: string[]): string[] => lines.map((line) => `  ${line}`);

function uptime(seconds: number): string {
  const [days, hours, minutes] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60];
  return [[days, 'd'], [hours, 'h'], [minutes, 'min']].filter(([amount]) => amount !== 0).map(([amount, unit]) => `${amount} ${unit}`).join(' ') || `${seconds} s`;
}
