/**
 * What it costs to observe: GET of one promise under 64 connections, of metrics and the request log (as a deployment is by
 * default), and of those with one trace in ten sent to a collector. Each process is compared with itself while nothing is
 * observed, since two of the same kind differ by more than the bound, by how their code happened to be compiled: what
 * is observed is switched off and on again between measurements, in pairs of random order. Told are the mean ratio over all
 * pairs and the interval that holds it with 95 %. A process whose switch changes nothing shows what that is worth.
 *
 * `node bench/telemetry.ts [starts] [pairs a start] [seconds a measurement]`
 */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeFlags } from '@mainstay/deploy/node-flags';
import { startEmbeddedPostgres } from '../kernel/data/embedded/embedded-postgres.ts';
import { conditions } from './conditions.ts';
import { meanWithInterval } from './mean-with-interval.ts';
import { median } from './percentile.ts';
import { fill } from './rest/fill.ts';
import { signIn } from './rest/mainstay-app.ts';
import { processorSeconds } from './rest/processor-time.ts';
import { startApp, type RunningApp } from './rest/running-app.ts';
import { getting, requireWrk, wrk } from './rest/wrk.ts';

/** Of one measurement. */
interface Run {
  perSecond: number;
  p50: number;
  p99: number;
  errors: number;
  micros: number;
}
/** The same process, with what it observes and without. */
interface Pair {
  on: Run;
  off: Run;
}

const starts = Number(process.argv[2] ?? 5);
const pairs = Number(process.argv[3] ?? 12);
const seconds = Number(process.argv[4] ?? 2);
const before = conditions();

requireWrk();
let received = 0;
const collector = createServer((request, response) => {
  request.on('data', (chunk: Buffer) => (received += chunk.length)).on('end', () => response.end());
}).listen(0, '127.0.0.1');
await new Promise((resolve) => collector.once('listening', resolve));
const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
const variants = [
  ['the same, switched to nothing else', 'telemetry: { calls: false, requestLog: none }'],
  ['metrics and request log (the default)', 'telemetry: {}'],
  ['the default and one trace in ten', `telemetry: { otlp: { endpoint: "${endpoint}", sampling: 0.1 } }`],
] as const;

const folder = mkdtempSync(join(tmpdir(), 'mb-'));
const postgres = await startEmbeddedPostgres({ directory: join(folder, 'pg'), diesWithParent: true });
try {
  const measured: Pair[][] = variants.map(() => []);
  for (let start = 0; start < starts; start++) {
    for (const [index, own] of (await measureOne(start)).entries()) measured[index]!.push(...own);
    process.stderr.write(`start ${start + 1} of ${starts}\n`);
  }
  print(measured);
} finally {
  await postgres.stop();
  collector.close();
  collector.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}

/** Starts a process of each variant, and measures pairs of each in turn. */
async function measureOne(start: number): Promise<Pair[][]> {
  const apps: { app: RunningApp; script: string }[] = [];
  try {
    for (const [index, [, section]] of variants.entries()) apps.push(await startSwitched(`start${start}_${index}`, section));
    for (const { app, script } of apps) {
      // Both ways are compiled before anything counts.
      for (const isSwitched of [true, false, true, false]) await loaded(app, script, 1, isSwitched);
    }
    const found: Pair[][] = variants.map(() => []);
    for (let pair = 0; pair < pairs; pair++) for (const [index, { app, script }] of apps.entries()) found[index]!.push(await measurePair(app, script));
    return found;
  } finally {
    for (const { app } of apps) await app.stop();
  }
}

async function startSwitched(name: string, section: string): Promise<{ app: RunningApp; script: string }> {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, `name: bench\nphase: T\nhttp: { port: 0 }\noperators: off\n${section}\nmodules:\n  sys-core:\n  sys-accounts: { accessTokenMinutes: 60 }\n  sys-email:\n  mod-promist:\n`);
  const app = await startApp({
    name,
    script: join(import.meta.dirname, 'rest/switched.ts'),
    args: [postgres.adminUrl('postgres'), name, randomBytes(32).toString('hex'), join(folder, name), file],
    nodeFlags,
    environment: {},
    read: ({ msg, address }) => (msg === 'ready' ? { address: String(address) } : undefined),
  });
  const person = await signIn(app.address);
  const ids = await fill(postgres.adminUrl(name), 'mod_promist.mod_promist_promises', person, 1000);
  return { app, script: getting(person.token, ids.map((id) => `/v1/promises/${id}`)) };
}

/** One measurement each way, the first at random; afterwards all is observed again. */
async function measurePair(app: RunningApp, script: string): Promise<Pair> {
  if (Math.random() < 0.5) {
    const on = await loaded(app, script, seconds);
    return { on, off: await loaded(app, script, seconds, true) };
  }
  const off = await loaded(app, script, seconds, true);
  return { on: await loaded(app, script, seconds), off };
}

/** Loads a process, with nothing observed if it is `switched`. */
async function loaded(app: RunningApp, script: string, duration: number, switched = false): Promise<Run> {
  if (switched) process.kill(app.pid, 'SIGUSR2');
  await sleep(100);
  const before = processorSeconds(app.pid);
  const { requests, ...result } = await wrk({ script, address: app.address, connections: 64, seconds: duration });
  const micros = ((processorSeconds(app.pid) - before) / requests) * 1e6;
  if (switched) process.kill(app.pid, 'SIGUSR2');
  return { ...result, micros };
}

function print(measured: Pair[][]): void {
  console.log(`${before}; 64 connections, ${starts} starts of ${pairs} pairs of ${seconds} s each; the collector took ${(received / 1024).toFixed(0)} KiB\n`);
  console.log('| observed | requests/s | of nothing observed (mean of pairs, 95 %) | processor µs/request | of nothing observed (mean of pairs, 95 %) | p50 ms | p99 ms | errors |\n| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const [index, [name]] of variants.entries()) {
    const own = measured[index]!;
    const of = (key: keyof Run) => median(own.map(({ on }) => on[key]));
    const ratio = (key: 'perSecond' | 'micros') => {
      const { mean, low, high } = meanWithInterval(own.map(({ on, off }) => on[key] / off[key]));
      return `${mean.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
    };
    const errors = own.reduce((sum, { on, off }) => sum + on.errors + off.errors, 0);
    console.log(`| ${name} | ${of('perSecond').toFixed(0)} | ${ratio('perSecond')} | ${of('micros').toFixed(1)} | ${ratio('micros')} | ${of('p50').toFixed(1)} | ${of('p99').toFixed(1)} | ${errors} |`);
  }
}
