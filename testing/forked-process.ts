import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Go, Report, RunningProcess } from '@mainstay/kernel/process';
import { peerVariable, type Instance } from '@mainstay/kernel/placement';

/** How one process of a deployment is started as a program of its own, as the controller does it. */
export interface ForkOptions {
  deploymentFile: string;
  /** URLs of files with modules that are not in the build. */
  moduleFiles: readonly string[];
  placement: string;
  instance: Instance;
  peers: Readonly<Record<string, string>>;
  secret: string;
  dataFolder: string;
  /** Where its log goes; to the terminal, as far as `MAINSTAY_LOG_LEVEL` says, if absent. */
  logFile?: string;
  go: Go;
  announce: (line: string) => void;
}

export interface ForkedProcess extends RunningProcess {
  child: ChildProcess;
}

const program = join(import.meta.dirname, '../main/main.ts');
const programWithModules = join(import.meta.dirname, 'process-with-modules.ts');
const GRACE_MILLISECONDS = 15_000;

/** Starts a process of a deployment; resolves when it serves, rejects with what it says if it can not. */
export async function forkProcess({ deploymentFile, moduleFiles, placement, instance, peers, secret, dataFolder, logFile, go, announce }: ForkOptions): Promise<ForkedProcess> {
  const addresses = Object.fromEntries(Object.entries(peers).map(([name, address]) => [peerVariable(name), address]));
  const environment = { ...process.env, ...addresses, MAINSTAY_SECRET: secret, MAINSTAY_DATA_FOLDER: dataFolder, MAINSTAY_DATABASE_CONNECTIONS: '20', MAINSTAY_LOG_LEVEL: process.env.MAINSTAY_LOG_LEVEL ?? 'info' };
  const log = logFile === undefined ? undefined : openSync(logFile, 'a');
  const flags = ['--deployment', deploymentFile, '--placement', placement, '--process', instance.name, ...moduleFiles.flatMap((file) => ['--module', file])];
  // The flags of the test itself make no sense there.
  const child = fork(moduleFiles.length > 0 ? programWithModules : program, flags, { env: { ...environment, NODE_TEST_CONTEXT: undefined, NODE_OPTIONS: undefined }, execArgv: [], stdio: ['ignore', log ?? 'inherit', 'inherit', 'ipc'] });
  if (log !== undefined) closeSync(log);
  const ready = await new Promise<Extract<Report, { type: 'ready' }>>((resolve, reject) => {
    child.on('message', (report: Report) => {
      if (report.type === 'checked') child.send(go);
      else if (report.type === 'ready') resolve(report);
      else if (report.type === 'announce') announce(report.line);
      else if (report.type === 'failed') reject(new Error(report.message));
    });
    child.once('exit', (code, signal) => reject(new Error(`${instance.name} ended with ${signal ?? code} before it was ready`)));
  });
  return {
    child,
    address: ready.address,
    isPublic: instance.modules.includes('sys-gateway') || Object.keys(peers).length < 2,
    ...(ready.operatorsAddress !== undefined && { operatorsAddress: ready.operatorsAddress }),
    quarantined: () => ready.quarantined ?? {},
    stop: () => endChild(child),
  };
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MILLISECONDS);
  await ended;
  clearTimeout(timer);
}
