import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from '@mainstay/deploy/free-port';
import { nodeFlags } from '@mainstay/deploy/node-flags';
import { peerVariable, type Instance } from '@mainstay/kernel/placement/placement';
import { outlinePlacement } from '../../kernel/placement/read-placement.ts';
import { startApp, type RunningApp } from '../rest/running-app.ts';

/** What to start: a deployment, divided by a placement. */
export interface Placed {
  /** Of its own. */
  folder: string;
  databaseUrl: string;
  /** Module names with their sections, as the deployment file has them. */
  modules: Readonly<Record<string, object | null>>;
  /** A placement file or the name of one; everything in one process if absent. */
  placement?: string;
  /** Variables besides, such as the servers of single databases. */
  environment?: NodeJS.ProcessEnv;
  /** What runs each process; with the modules of the benchmarks if absent. */
  program?: string;
}

/** A deployment under load: its processes, one of which has the public port. */
export interface PlacedApp {
  address: string;
  processes: readonly { instance: Instance; pid: number }[];
  stop(): Promise<void>;
}

/** Starts each process of a placement as a program of its own, as `./mainstay run PROCESS` does, and waits until all serve. */
export async function startPlaced({ folder, databaseUrl, modules, placement, environment, program = 'placed-process.ts' }: Placed): Promise<PlacedApp> {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'bench.yaml');
  writeFileSync(file, JSON.stringify({ name: 'bench', phase: 'T', http: { port: 0 }, operators: 'off', modules }));
  const names = Object.keys(modules);
  const instances = placement === undefined ? [{ name: 'main', process: 'main', modules: names, database: '' }] : outlinePlacement(placement, names).instances;
  const ports = await freePorts('127.0.0.1', instances.length);
  const peers = instances.map(({ name }, at) => [peerVariable(name), `http://127.0.0.1:${ports[at]}`]);
  const shared = { ...Object.fromEntries(peers), DATABASE_URL: databaseUrl, MAINSTAY_SECRET: randomBytes(32).toString('hex'), MAINSTAY_DATA_FOLDER: join(folder, 'files'), MAINSTAY_DATABASE_CONNECTIONS: '20', MAINSTAY_LOG_LEVEL: 'info', ...environment };
  const starts = instances.map(({ name }) => startApp({
    name,
    script: join(import.meta.dirname, program),
    args: ['--deployment', file, ...(placement === undefined ? [] : ['--placement', placement, '--process', name])],
    nodeFlags,
    environment: shared,
    read: ({ msg, address }) => (msg === 'ready' ? { address: String(address).replace('localhost', '127.0.0.1') } : undefined),
  }));
  const running = await allOrNone(starts);
  return {
    address: running[instances.findIndex((instance) => instances.length === 1 || instance.modules.includes('sys-gateway'))]!.address,
    processes: instances.map((instance, at) => ({ instance, pid: running[at]!.pid })),
    stop: async () => void (await Promise.all(running.map((one) => one.stop()))),
  };
}

/** What has started is stopped again if one of them can not. */
async function allOrNone(starts: Promise<RunningApp>[]): Promise<RunningApp[]> {
  const settled = await Promise.allSettled(starts);
  const running = settled.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const failed = settled.find((one) => one.status === 'rejected');
  if (!failed) return running;
  await Promise.all(running.map((one) => one.stop()));
  throw failed.reason;
}
