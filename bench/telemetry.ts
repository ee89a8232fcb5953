/**
 * What it costs to observe: GET of one promise under 64 connections, with nothing observed, with metrics alone (as a
 * deployment is by default), and with one trace in ten sent to a collector. Two processes of each over one PostgreSQL, loaded
 * in turn, so that what else the machine does falls on all alike; two processes of the same kind differ by some percent, which
 * is shown.
 *
 * `node bench/telemetry.ts [seconds a measurement] [rounds]`
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '../kernel/data/embedded/embedded-postgres.ts';
import { conditions } from './conditions.ts';
import { median } from './percentile.ts';
import { startMainstay, type MainstayApp } from './rest/mainstay-app.ts';
import { processorSeconds } from './rest/processor-time.ts';
import { getting, requireWrk, wrk } from './rest/wrk.ts';

interface Run {
  perSecond: number;
  p50: number;
  p99: number;
  errors: number;
  micros: number;
}

const seconds = Number(process.argv[2] ?? 5);
const rounds = Number(process.argv[3] ?? 7);
const before = conditions();

requireWrk();
let received = 0;
const collector = createServer((request, response) => {
  request.on('data', (chunk: Buffer) => (received += chunk.length)).on('end', () => response.end());
}).listen(0, '127.0.0.1');
await new Promise((resolve) => collector.once('listening', resolve));
const endpoint = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
const variants: Record<string, string> = {
  'nothing observed': 'telemetry: { calls: false, requestLog: none }',
  'metrics (the default)': 'telemetry: {}',
  'metrics and one trace in ten': `telemetry: { otlp: { endpoint: "${endpoint}", sampling: 0.1 } }`,
};

const folder = mkdtempSync(join(tmpdir(), 'mb-'));
const postgres = await startEmbeddedPostgres({ directory: join(folder, 'pg'), diesWithParent: true });
const copies = 2;
const apps: { name: string; app: MainstayApp; script: string; runs: Run[] }[] = [];
try {
  const started = Array.from({ length: copies }, () => Object.entries(variants)).flat();
  for (const [index, [name, sections]] of started.entries()) {
    const own = join(folder, String(index));
    mkdirSync(own);
    const app = await startMainstay(own, postgres.adminUrl(`bench${index}`), sections);
    apps.push({ name, app, script: getting(app.token, await somePromises(app)), runs: [] });
  }
  for (const { app, script } of apps) await wrk({ script, address: app.address, connections: 64, seconds: 3 });
  // Each round in another order: who comes first finds another machine than who comes last.
  for (let round = 0; round < rounds; round++) for (let turn = 0; turn < apps.length; turn++) await measure(apps[(round + turn) % apps.length]!);
  print();
} finally {
  for (const { app } of apps) await app.stop();
  await postgres.stop();
  collector.close();
  collector.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}

async function somePromises({ address, token }: MainstayApp): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < 100; index++) {
    const response = await fetch(`${address}/v1/promises`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: JSON.stringify({ title: `Promise ${index}` }) });
    ids.push(((await response.json()) as { id: string }).id);
  }
  return ids.map((id) => `/v1/promises/${id}`);
}

async function measure({ app, script, runs }: (typeof apps)[number]): Promise<void> {
  const before = processorSeconds(app.pid);
  const { requests, ...result } = await wrk({ script, address: app.address, connections: 64, seconds });
  runs.push({ ...result, micros: ((processorSeconds(app.pid) - before) / requests) * 1e6 });
}

function print(): void {
  console.log(`${before}; 64 connections, two processes of each, ${rounds} rounds of ${seconds} s each, medians; the collector took ${(received / 1024).toFixed(0)} KiB\n`);
  console.log('| observed | requests/s | of nothing observed (median of rounds) | one process of the other | p50 ms | p99 ms | processor µs/request | least of all rounds | errors |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  const reference = runsOf(Object.keys(variants)[0]!);
  for (const name of Object.keys(variants)) {
    const runs = runsOf(name);
    const ratio = median(runs.map(({ perSecond }, round) => perSecond / reference[round]!.perSecond));
    const [one, other] = apps.filter((each) => each.name === name).map((each) => median(each.runs.map(({ perSecond }) => perSecond)));
    const of = (key: keyof Run) => median(runs.map((run) => run[key]));
    console.log(`| ${name} | ${of('perSecond').toFixed(0)} | ${ratio.toFixed(3)} | ${(one! / other!).toFixed(3)} | ${of('p50').toFixed(1)} | ${of('p99').toFixed(1)} | ${of('micros').toFixed(1)} | ${Math.min(...runs.map(({ micros }) => micros)).toFixed(1)} | ${runs.reduce((sum, { errors }) => sum + errors, 0)} |`);
  }
}

/** Both processes of a kind, round by round: their mean requests and times, and their errors together. */
function runsOf(name: string): Run[] {
  const [one, other] = apps.filter((each) => each.name === name).map(({ runs }) => runs);
  return one!.map((run, round) => {
    const mean = (key: keyof Run) => (run[key] + other![round]![key]) / copies;
    return { perSecond: mean('perSecond'), p50: mean('p50'), p99: mean('p99'), micros: mean('micros'), errors: run.errors + other![round]!.errors };
  });
}
