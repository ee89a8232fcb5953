/**
 * How long `./mainstay up` takes until the deployment is ready, and how much memory it then holds at idle.
 * Measured as a person sees it: the whole command, in a state folder of its own on a free port. The reference
 * is what any Node program needs: starting it to do nothing.
 *
 * `node bench/startup.ts [later starts]`
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { cpus, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

interface Memory {
  process: number;
  controller: number;
  postgres: number;
}

const mainstay = join(import.meta.dirname, '../mainstay');
const repeats = Number(process.argv[2] ?? 10);
const home = mkdtempSync(join(tmpdir(), 'mainstay-bench-'));
const environment = { ...process.env, MAINSTAY_HOME: home };
const settleMs = 10_000;

let errors = 0;
try {
  const first = up();
  await sleep(settleMs);
  const memory = idleMemory();
  const later: number[] = [];
  for (let round = 0; round < repeats; round++) {
    down();
    later.push(up());
  }
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

/** Proportional set sizes in MB: shared pages count once, divided among those who share them. */
function idleMemory(): Memory {
  const run = JSON.parse(readFileSync(join(home, 'demo/run.json'), 'utf8')) as { controller: { pid: number }; process: { pid: number } };
  return { process: pss(run.process.pid), controller: pss(run.controller.pid), postgres: postgresProcesses().reduce((sum, pid) => sum + pss(pid), 0) };
}

function pss(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024;
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

function print(first: number, later: number[], node: number[], memory: Memory): void {
  const at = (values: number[], share: number) => values.toSorted((a, b) => a - b)[Math.ceil(values.length * share) - 1]!;
  const row = (name: string, values: number[], bound: string) =>
    console.log(`| ${name} | ${values.length} | ${at(values, 0.5).toFixed(0)} | ${at(values, 0.99).toFixed(0)} | ${(at(values, 0.5) / at(node, 0.5)).toFixed(1)} | ${bound} |`);
  console.log(`${cpus()[0]!.model}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB; Node ${process.version}; failed commands: ${errors}\n`);
  console.log('| command | runs | p50 ms | p99 ms | ratio to an empty Node process | bound ms |\n| --- | --- | --- | --- | --- | --- |');
  row('first `up` (initialise, migrate, demo data)', [first], '4000');
  row('later `up`', later, '1500');
  row('empty Node process', node, '');
  const { process: own, controller, postgres } = memory;
  const total = own + controller + postgres;
  console.log(`\nIdle memory (PSS), ${settleMs / 1000} s after the first start: process ${own.toFixed(0)} MB (bound 150), controller ${controller.toFixed(0)} MB, PostgreSQL ${postgres.toFixed(0)} MB, together ${total.toFixed(0)} MB (bound 250).`);
}
