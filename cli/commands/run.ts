import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { Command } from 'commander';
import { findDeploymentFile, nodeFlags, placementOfProcess, projectRoot } from '@mainstay/deploy';
import { globalOptions } from '../global-options.ts';

export default (command: Command) => command
  .argument('<process>', 'a process of the placement, or one of its shards or replicas')
  .option('--placement <file|name>', 'a placement file, or a name in deploy/placements/; that of the last start here, if there was one')
  .description('Start one process of a deployment alone, in the foreground, without a controller. Its database, its secret and where the other processes are come from the environment: DATABASE_URL, MAINSTAY_SECRET, MAINSTAY_DATA_FOLDER, MAINSTAY_PORT, MAINSTAY_OPERATORS_PORT and MAINSTAY_PEER_<PROCESS> for each. What is missing is told by name.')
  .action(async (name: string, { placement }: { placement?: string }) => {
    const { deployment } = globalOptions(command);
    const file = findDeploymentFile(deployment);
    const args = ['--deployment', file, '--placement', placement ?? (await placementOfProcess(name, file)), '--process', name];
    const child = spawn(process.execPath, [...nodeFlags, join(projectRoot, 'main/main.ts'), ...args], { stdio: 'inherit' });
    // Ctrl-C at a terminal reaches it by itself; it ends in its own time.
    process.on('SIGINT', () => {});
    for (const signal of ['SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void child.kill('SIGTERM'));
    process.exitCode = await new Promise<number>((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
  });
