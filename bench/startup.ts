/**
 * How long `./mainstay up` takes until the deployment is ready, and how much memory it then holds at idle.
 * Measured as a person sees it: the whole command, in a state folder of its own on a free port. The reference
 * is what any Node program needs: starting it to do nothing.
 *
 * `node bench/startup.ts [later starts]`
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { conditions } from './conditions.ts';
import { median, percentile } from './percentile.ts';

interface Memory {
  /** Proportional set size in MB: shared pages count once, divided among those who share them. */
  share: number;
  /** Resident set size in MB. */
  resident: number;
}

const mainstay = join(import.meta.dirname, '../mainstay');
const repeats = Number(process.argv[2] ?? 10);
const home = mkdtempSync(join(tmpdir(), 'mainstay-bench-'));
// The first start compiles everything, as it does after an install.
const environment = { ...process.env, MAINSTAY_HOME: home, NODE_COMPILE_CACHE: join(home, 'compile-cache') };
const settleMs = 10_000;
const before = conditions();

let errors = 0;
try {
  const first = up();
  const later: number[] = [];
  for (let round = 0; round < repeats; round++) {
    down();
    later.push(up());
  }
  await sleep(settleMs);
  const memory = idleMemory();
  down();
  const node = Array.from({ length: repeats }, () => timed(process.execPath, ['-e', '0']));
  print(first, later, node, memory);
} finally {
  spawnSync(mainstay, ['down'], { env: environment, stdio: 'ignore' });
  rmSync(home, { recursive: true, force: true });
}

function up(): number {
  return timed(mainstay, ['up', '--detach', '--port', '0']);
}

function down(): void {
  execFileSync(mainstay, ['down'], { env: environment, stdio: 'ignore' });
}

/** Milliseconds that a command takes, from its start to its end. */
function timed(command: string, args: string[]): number {
  const start = performance.now();
  const { status, stderr } = spawnSync(command, args, { env: environment, encoding: 'utf8' });
  const took = performance.now() - start;
  if (status !== 0) {
    errors++;
    console.error(stderr);
  }
  return took;
}

function idleMemory(): Record<'process' | 'controller' | 'postgres', Memory> {
  const run = JSON.parse(readFileSync(join(home, 'demo/run.json'), 'utf8')) as { controller: { pid: number }; instances: { identity: { pid: number } }[] };
  return { process: memoryOf(run.instances.map(({ identity }) => identity.pid)), controller: memoryOf([run.controller.pid]), postgres: memoryOf(postgresProcesses()) };
}

function memoryOf(pids: number[]): Memory {
  const sum = (name: string) => pids.reduce((total, pid) => total + Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1000, 0);
  return { share: sum('Pss'), resident: sum('Rss') };
}

/** The server of this deployment, found by the folder in its command line, and its children. */
function postgresProcesses(): number[] {
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number);
  const parentOf = (pid: number) => Number(/^PPid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1]);
  const server = all.find((pid) => /postgres\0.*-D/.test(read(`/proc/${pid}/cmdline`)) && read(`/proc/${pid}/cmdline`).includes(home));
  return server === undefined ? [] : [server, ...all.filter((pid) => parentOf(pid) === server)];
}

/** A process may end while it is looked at. */
function read(file: string): string {
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : '';
  } catch {
    return '';
  }
}

function print(first: number, later: number[], node: number[], memory: ReturnType<typeof idleMemory>): void {
  const row = (name: string, values: number[], bound: string) =>
    console.log(`| ${name} | ${values.length} | ${median(values).toFixed(0)} | ${percentile(values, 0.99).toFixed(0)} | ${(median(values) / median(node)).toFixed(1)} | ${bound} |`);
  console.log(`${before}; failed commands: ${errors}\n`);
  console.log('| command | runs | p50 ms | p99 ms | ratio to an empty Node process | bound ms |\n| --- | --- | --- | --- | --- | --- |');
  row('first `up` (initialise, migrate, demo data)', [first], '4000');
  row('later `up`', later, '1500');
  row('empty Node process', node, '');
  console.log(`\n| idle, ${settleMs / 1000} s after a later start | share (PSS) MB | resident (RSS) MB | bound MB |\n| --- | --- | --- | --- |`);
  for (const [name, { share, resident }] of Object.entries(memory)) console.log(`| ${name} | ${share.toFixed(0)} | ${resident.toFixed(0)} | ${name === 'process' ? 150 : ''} |`);
  console.log(`| all | ${Object.values(memory).reduce((total, { share }) => total + share, 0).toFixed(0)} | | 250 |`);
}
