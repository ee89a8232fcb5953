/**
 * What it costs to observe: GET of one promise under 64 connections, with nothing observed, with metrics and the request log
 * (as a deployment is by default), and with one trace in ten sent to a collector. Two processes of the same kind differ by
 * more than the bound, by how their code happened to be compiled: so each trial starts all of them anew, in a random order,
 * and loads them in turn; what is told is the mean over the trials, with the interval that holds it with 95 %. That of nothing
 * is there twice, to show what the method tells where there is no difference.
 *
 * `node bench/telemetry.ts [trials] [seconds a measurement] [measurements a trial]`
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../kernel/data/embedded/embedded-postgres.ts';
import { conditions } from './conditions.ts';
import { meanWithInterval } from './mean-with-interval.ts';
import { median } from './percentile.ts';
import { fill } from './rest/fill.ts';
import { startMainstay } from './rest/mainstay-app.ts';
import { processorSeconds } from './rest/processor-time.ts';
import type { RunningApp } from './rest/running-app.ts';
import { getting, requireWrk, wrk } from './rest/wrk.ts';

interface Run {
  perSecond: number;
  p50: number;
  p99: number;
  errors: number;
  micros: number;
}

const trials = Number(process.argv[2] ?? 16);
const seconds = Number(process.argv[3] ?? 3);
const measurements = Number(process.argv[4] ?? 3);
const before = conditions();

requireWrk();
let received = 0;
const collector = createServer((request, response) => {
  request.on('data', (chunk: Buffer) => (received += chunk.length)).on('end', () => response.end());
}).listen(0, '127.0.0.1');
await new Promise((resolve) => collector.once('listening', resolve));
const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
const nothing = 'telemetry: { calls: false, requestLog: none }';
const variants = [
  ['nothing observed', nothing],
  ['nothing observed, once more', nothing],
  ['metrics (the default)', 'telemetry: {}'],
  ['metrics and one trace in ten', `telemetry: { otlp: { endpoint: "${endpoint}", sampling: 0.1 } }`],
] as const;

const folder = mkdtempSync(join(tmpdir(), 'mb-'));
const postgres = await startEmbeddedPostgres({ directory: join(folder, 'pg'), diesWithParent: true });
try {
  const runs: Run[][] = variants.map(() => []);
  for (let trial = 0; trial < trials; trial++) {
    for (const [index, run] of (await runTrial(trial)).entries()) runs[index]!.push(run);
    process.stderr.write(`trial ${trial + 1} of ${trials}: ${runs.map((own) => own.at(-1)!.perSecond.toFixed(0)).join(' ')}\n`);
  }
  print(runs);
} finally {
  await postgres.stop();
  collector.close();
  collector.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}

/** Starts all variants, loads them in turn, and gives the medians of each. */
async function runTrial(trial: number): Promise<Run[]> {
  const apps = new Map<number, { app: RunningApp; script: string; runs: Run[] }>();
  try {
    for (const index of shuffled()) {
      const [name, section] = [`trial${trial}-${index}`, variants[index]![1]];
      mkdirSync(join(folder, name));
      const app = await startMainstay(join(folder, name), postgres.adminUrl(name), section);
      const ids = await fill(postgres.adminUrl(name), 'mod_promist.mod_promist_promises', app, 100);
      const script = getting(app.token, ids.map((id) => `/v1/promises/${id}`));
      apps.set(index, { app, script, runs: [] });
      await wrk({ script, address: app.address, connections: 64, seconds: 3 });
    }
    for (let round = 0; round < measurements; round++) {
      for (const index of shuffled()) {
        const { app, script, runs } = apps.get(index)!;
        runs.push(await measure(app, script));
      }
    }
    return variants.map((_, index) => medians(apps.get(index)!.runs));
  } finally {
    for (const { app } of apps.values()) await app.stop();
  }
}

function shuffled(): number[] {
  return variants.map((_, index) => ({ index, place: Math.random() })).sort((a, b) => a.place - b.place).map(({ index }) => index);
}

async function measure({ pid, address }: RunningApp, script: string): Promise<Run> {
  const before = processorSeconds(pid);
  const { requests, ...result } = await wrk({ script, address, connections: 64, seconds });
  return { ...result, micros: ((processorSeconds(pid) - before) / requests) * 1e6 };
}

function medians(runs: Run[]): Run {
  const of = (key: keyof Run) => median(runs.map((run) => run[key]));
  return { perSecond: of('perSecond'), p50: of('p50'), p99: of('p99'), micros: of('micros'), errors: runs.reduce((sum, { errors }) => sum + errors, 0) };
}

function print(runs: Run[][]): void {
  console.log(`${before}; 64 connections, ${trials} trials of ${measurements} measurements of ${seconds} s each; the collector took ${(received / 1024).toFixed(0)} KiB\n`);
  console.log('| observed | requests/s | of nothing observed (mean of trials, 95 %) | processor time of nothing observed (mean, 95 %) | µs/request | p50 ms | p99 ms | errors |\n| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const [index, [name]] of variants.entries()) {
    const { perSecond, p50, p99, micros, errors } = medians(runs[index]!);
    const ratio = (key: 'perSecond' | 'micros') => {
      if (index === 0) return '1';
      const { mean, low, high } = meanWithInterval(runs[index]!.map((run, trial) => run[key] / runs[0]![trial]![key]));
      return `${mean.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
    };
    console.log(`| ${name} | ${perSecond.toFixed(0)} | ${ratio('perSecond')} | ${ratio('micros')} | ${micros.toFixed(1)} | ${p50.toFixed(1)} | ${p99.toFixed(1)} | ${errors} |`);
  }
}
