import type { ModuleState, Phase } from '@mainstay/kernel';
import { listDeadLetters } from '@mainstay/kernel/dead-letters';
import { findRunning } from '@mainstay/kernel/postgres';
import { databaseNameOf } from '@mainstay/kernel/placement/placement';
import { descendants, isAlive, memoryOf, type ProcessIdentity } from './process-info.ts';
import { currentRun, type InstanceRecord, lastRun, type ProcessState, type RunRecord } from './run-record.ts';
import type { StateFolder } from './state-folder.ts';

/** One process of a deployment, or PostgreSQL with its workers. Memory in bytes. */
export interface ProcessStatus {
  what: 'controller' | 'process' | 'postgres';
  pid: number;
  rss: number;
  /** Its fair share of what several processes hold in common. */
  pss?: number;
  /** Of a process of the placement: which one it is; `beside` is one that is taking the place of another, or giving up its own. */
  instance?: Pick<InstanceRecord, 'name' | 'process' | 'modules' | 'shard' | 'replica' | 'restarts' | 'address' | 'operatorsAddress'> & {
    state: ProcessState | 'beside';
    /** What a call to it takes from the first process that is public, as measured there. */
    costMicroseconds?: number;
  };
}

export interface DeploymentStatus {
  name: string;
  /** `unresponsive`: its processes run, but it does not answer. `abandoned`: its controller was killed and left something behind. */
  state: 'stopped' | 'starting' | 'running' | 'restarting' | 'unresponsive' | 'abandoned';
  phase?: Phase;
  file?: string;
  placement?: string;
  address?: string;
  /** Where operators read metrics and health. */
  operatorsAddress?: string;
  started?: string;
  uptimeSeconds?: number;
  modules?: Pick<ModuleState, 'name' | 'state' | 'problem'>[];
  processes: ProcessStatus[];
  database?: DatabaseStatus;
}

const mostDeadLetters = 1000;

export interface DatabaseStatus {
  bytes: number;
  /** Jobs and events that failed for good, waiting for a person; counted up to 1000. */
  deadLetters: number;
}

/** How a deployment fares, running or not. */
export async function deploymentStatus(folder: StateFolder): Promise<DeploymentStatus> {
  const last = lastRun(folder);
  const run = currentRun(folder);
  const postgres = findRunning(folder.postgres);
  const costs = run ? await costsOfCalls(run) : new Map<string, number>();
  const processes = [
    ...(run ? measure('controller', [run.controller.pid]) : []),
    ...(last?.instances ?? []).flatMap((instance) => measureInstance(instance, costs.get(instance.name))),
    ...(postgres ? measure('postgres', [postgres.pid, ...descendants(postgres.pid)]) : []),
  ];
  if (!run) return { name: folder.name, state: processes.length > 0 ? 'abandoned' : 'stopped', processes };
  const [modules, database] = await Promise.all([moduleStates(run), postgres && databaseStatus(run.instances.map((instance) => postgres.adminUrl(databaseNameOf(run.name, instance))))]);
  const { name, phase, file, placement, address, operatorsAddress, started } = run;
  const state = run.state === 'running' && !modules ? 'unresponsive' : run.state;
  return { name, state, ...(phase && { phase }), file, placement, ...(address && { address }), ...(operatorsAddress && { operatorsAddress }), started, uptimeSeconds: Math.round((Date.now() - Date.parse(started)) / 1000), ...(modules && { modules }), processes, ...(database && { database }) };
}

function measureInstance({ name, process, modules, shard, replica, state, restarts, address, operatorsAddress, identity, beside }: InstanceRecord, costMicroseconds: number | undefined): ProcessStatus[] {
  const instance = { name, process, modules, ...(shard && { shard }), ...(replica && { replica }), restarts, ...(address && { address }), ...(operatorsAddress && { operatorsAddress }), ...(costMicroseconds !== undefined && { costMicroseconds }) };
  const measured = (of: ProcessIdentity | undefined, state: ProcessState | 'beside') => (of && isAlive(of) ? measure('process', [of.pid]).map((status) => ({ ...status, instance: { ...instance, state } })) : []);
  return [...measured(identity, state), ...measured(beside, 'beside')];
}

/** What a call to each process takes from the first public one, in microseconds, as that tells; nothing of those that it has not called. */
async function costsOfCalls({ instances, operatorsAddress }: RunRecord): Promise<Map<string, number>> {
  if (instances.length < 2 || !operatorsAddress) return new Map();
  try {
    const response = await fetch(new URL('/peers', operatorsAddress), { signal: AbortSignal.timeout(2000) });
    const peers = (await response.json()) as { name: string; costMicroseconds?: number }[];
    return new Map(peers.flatMap(({ name, costMicroseconds }) => (costMicroseconds === undefined ? [] : [[name, costMicroseconds]])));
  } catch {
    return new Map();
  }
}

function measure(what: ProcessStatus['what'], pids: number[]): ProcessStatus[] {
  const memories = pids.flatMap((pid) => memoryOf(pid) ?? []);
  if (memories.length === 0) return [];
  const sum = (numbers: number[]) => numbers.reduce((total, number) => total + number, 0);
  const shares = memories.flatMap(({ pss }) => pss ?? []);
  return [{ what, pid: pids[0]!, rss: sum(memories.map(({ rss }) => rss)), ...(shares.length === memories.length && { pss: sum(shares) }) }];
}

/** What `/readyz` says of each module, and why one does not run; nothing if it does not answer in time. */
export async function moduleStates({ address, quarantined = {} }: Pick<RunRecord, 'address' | 'quarantined'>): Promise<DeploymentStatus['modules']> {
  if (!address) return undefined;
  try {
    const response = await fetch(new URL('/readyz', address), { signal: AbortSignal.timeout(2000) });
    const { modules = [] } = (await response.json()) as { modules?: { name: string; state: ModuleState['state'] }[] };
    return modules.map((module) => ({ ...module, ...(quarantined[module.name] !== undefined && { problem: quarantined[module.name] }) }));
  } catch {
    return undefined;
  }
}

/** Of all databases of a deployment together. */
async function databaseStatus(urls: string[]): Promise<DatabaseStatus | undefined> {
  const all = (await Promise.all([...new Set(urls)].map(statusOfDatabase))).filter((one) => one !== undefined);
  if (all.length === 0) return undefined;
  return { bytes: all.reduce((sum, { bytes }) => sum + bytes, 0), deadLetters: Math.min(mostDeadLetters, all.reduce((sum, { deadLetters }) => sum + deadLetters, 0)) };
}

async function statusOfDatabase(databaseUrl: string): Promise<DatabaseStatus | undefined> {
  const { Pool } = (await import('pg')).default;
  const pool = new Pool({ connectionString: databaseUrl, connectionTimeoutMillis: 1000, max: 1 });
  try {
    const { rows } = await pool.query<{ bytes: string }>('select pg_database_size(current_database()) as bytes');
    const deadLetters = await listDeadLetters(pool, mostDeadLetters);
    return { bytes: Number(rows[0]!.bytes), deadLetters: deadLetters.length };
  } catch {
    // While the deployment starts for the first time there is no database, or no queue in it.
    return undefined;
  } finally {
    await pool.end();
  }
}
