import type { ModuleState, Phase } from '@mainstay/kernel';
import { listDeadLetters } from '@mainstay/kernel/dead-letters';
import { findRunning } from '@mainstay/kernel/postgres';
import { descendants, isAlive, memoryOf } from './process-info.ts';
import { currentRun, lastRun, type RunRecord } from './run-record.ts';
import type { StateFolder } from './state-folder.ts';

/** One process of a deployment, or PostgreSQL with its workers. Memory in bytes. */
export interface ProcessStatus {
  what: 'controller' | 'process' | 'postgres';
  pid: number;
  rss: number;
  /** Its fair share of what several processes hold in common. */
  pss?: number;
}

export interface DeploymentStatus {
  name: string;
  /** `unresponsive`: its processes run, but it does not answer. `abandoned`: its controller was killed and left something behind. */
  state: 'stopped' | 'starting' | 'running' | 'restarting' | 'unresponsive' | 'abandoned';
  phase?: Phase;
  file?: string;
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
  const processes = [
    ...(run ? measure('controller', [run.controller.pid]) : []),
    ...(last?.process && isAlive(last.process) ? measure('process', [last.process.pid]) : []),
    ...(postgres ? measure('postgres', [postgres.pid, ...descendants(postgres.pid)]) : []),
  ];
  if (!run) return { name: folder.name, state: processes.length > 0 ? 'abandoned' : 'stopped', processes };
  const [modules, database] = await Promise.all([moduleStates(run), postgres && databaseStatus(postgres.adminUrl(run.name))]);
  const { name, phase, file, address, operatorsAddress, started } = run;
  const state = run.state === 'running' && !modules ? 'unresponsive' : run.state;
  return { name, state, ...(phase && { phase }), file, ...(address && { address }), ...(operatorsAddress && { operatorsAddress }), started, uptimeSeconds: Math.round((Date.now() - Date.parse(started)) / 1000), ...(modules && { modules }), processes, ...(database && { database }) };
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

async function databaseStatus(databaseUrl: string): Promise<DatabaseStatus | undefined> {
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
