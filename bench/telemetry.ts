/**
 * What it costs to observe: GET of one promise under 64 connections, with nothing observed, with metrics and the request log
 * (as a deployment is by default), and with one trace in ten sent to a collector. The deployments run in one process and
 * are loaded in turn: two processes of the same kind differ by more than the bound. That of nothing is there twice, to show by
 * how much two deployments of the same kind differ here.
 *
 * `node bench/telemetry.ts [seconds a measurement] [rounds]`
 */
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFlags } from '@mainstay/deploy/node-flags';
import { startEmbeddedPostgres } from '../kernel/data/embedded/embedded-postgres.ts';
import { conditions } from './conditions.ts';
import { median } from './percentile.ts';
import { processorSeconds } from './rest/processor-time.ts';
import { startApp, type RunningApp } from './rest/running-app.ts';
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
const nothing = 'telemetry: { calls: false, requestLog: none }';
const variants: Record<string, string> = {
  'nothing observed': nothing,
  'metrics (the default)': 'telemetry: {}',
  'nothing observed, once more': nothing,
  'metrics and one trace in ten': `telemetry: { otlp: { endpoint: "${endpoint}", sampling: 0.1 } }`,
};

const folder = mkdtempSync(join(tmpdir(), 'mb-'));
const postgres = await startEmbeddedPostgres({ directory: join(folder, 'pg'), diesWithParent: true });
const names = Object.keys(variants);
let app: RunningApp | undefined;
try {
  const addresses: string[] = [];
  app = await startApp({
    name: 'Mainstay',
    script: join(import.meta.dirname, 'rest/side-by-side.ts'),
    args: [postgres.adminUrl('postgres'), randomBytes(32).toString('hex'), folder, ...Object.values(variants).map(deploymentFile)],
    nodeFlags,
    environment: {},
    read: ({ msg, addresses: found }) => (msg === 'ready' ? { address: String(addresses.push(...(found as string[]))) } : undefined),
  });
  const scripts = await Promise.all(addresses.map(scriptFor));
  const runs: Run[][] = names.map(() => []);
  for (const [index, script] of scripts.entries()) await wrk({ script, address: addresses[index]!, connections: 64, seconds: 3 });
  // Each round in another order: who comes first finds another machine than who comes last.
  for (let round = 0; round < rounds; round++) {
    for (const index of shuffled(names.length)) runs[index]!.push(await measure(app, addresses[index]!, scripts[index]!));
  }
  print(runs);
} finally {
  await app?.stop();
  await postgres.stop();
  collector.close();
  collector.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
}

function deploymentFile(section: string, index: number): string {
  const file = join(folder, `bench-${index}.yaml`);
  writeFileSync(file, `name: bench\nphase: T\nhttp: { port: 0 }\noperators: off\n${section}\nmodules:\n  sys-core:\n  sys-accounts: { accessTokenMinutes: 60 }\n  mod-promist:\n`);
  return file;
}

function shuffled(count: number): number[] {
  return Array.from({ length: count }, (_, index) => ({ index, place: Math.random() })).sort((a, b) => a.place - b.place).map(({ index }) => index);
}

/** Signs in, makes promises, and asks for them. */
async function scriptFor(address: string): Promise<string> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${address}/v1/sessions`, { method: 'POST', headers, body: JSON.stringify({ email: 'ada@acme.test', password: 'mainstay-demo' }) });
  const { accessToken: token } = (await response.json()) as { accessToken: string };
  return getting(token, await somePromises(address, token));
}

async function somePromises(address: string, token: string): Promise<string[]> {
  const ids: string[] = [];
  for (let index = 0; index < 100; index++) {
    const response = await fetch(`${address}/v1/promises`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: JSON.stringify({ title: `Promise ${index}` }) });
    ids.push(((await response.json()) as { id: string }).id);
  }
  return ids.map((id) => `/v1/promises/${id}`);
}

async function measure({ pid }: RunningApp, address: string, script: string): Promise<Run> {
  const before = processorSeconds(pid);
  const { requests, ...result } = await wrk({ script, address, connections: 64, seconds });
  return { ...result, micros: ((processorSeconds(pid) - before) / requests) * 1e6 };
}

function print(runs: Run[][]): void {
  console.log(`${before}; 64 connections, one process, ${rounds} rounds of ${seconds} s each, medians; the collector took ${(received / 1024).toFixed(0)} KiB\n`);
  console.log('| observed | requests/s | of nothing observed (median of rounds) | p50 ms | p99 ms | processor µs/request | least of all rounds | errors |\n| --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const [index, name] of names.entries()) {
    const own = runs[index]!;
    const ratio = median(own.map(({ perSecond }, round) => perSecond / runs[0]![round]!.perSecond));
    const of = (key: keyof Run) => median(own.map((run) => run[key]));
    console.log(`| ${name} | ${of('perSecond').toFixed(0)} | ${ratio.toFixed(3)} | ${of('p50').toFixed(1)} | ${of('p99').toFixed(1)} | ${of('micros').toFixed(1)} | ${Math.min(...own.map(({ micros }) => micros)).toFixed(1)} | ${own.reduce((sum, { errors }) => sum + errors, 0)} |`);
  }
}
