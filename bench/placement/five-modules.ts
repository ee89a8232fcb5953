/**
 * One request that crosses five modules: the gateway, parcels, journeys, promises and accounts, in one process and in a process
 * for each, as Service Weaver's authors compared their own placements (Ghemawat et al., HotOS '23). Beside it, in the same run, the
 * same chain of five services on moleculer (TCP, five nodes, and all in one) and on NestJS (TCP, five processes). Each has a PostgreSQL
 * server of its own; each service behind the door reads a row of its own table.
 *
 * `node bench/placement/five-modules.ts [--seconds a measurement] [--rounds N]`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '../../kernel/data/embedded/embedded-postgres.ts';
import { conditions } from '../conditions.ts';
import { median } from '../percentile.ts';
import { installPeers } from '../rest/peers.ts';
import { processorSeconds } from '../rest/processor-time.ts';
import { getting, requireWrk, wrk, type LoadResult } from '../rest/wrk.ts';
import type { Chain } from './five-modules-chain.ts';
import { startModules } from './five-modules-mainstay.ts';
import { startChain } from './five-modules-peers.ts';

interface Subject extends Chain {
  name: string;
  postgres: Awaited<ReturnType<typeof startEmbeddedPostgres>>;
  /** Of processor time that its processes use in a second while nobody asks anything, in µs. */
  atRest: number;
}

interface Measured extends LoadResult {
  micros: number;
  databaseMicros: number;
}

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '3' }, rounds: { type: 'string', default: '3' } } });
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);

requireWrk();
installPeers();
const folder = mkdtempSync(join(tmpdir(), 'mf-'));
const subjects: Subject[] = [];
try {
  await start('mainstay, one process', (own, adminUrl) => startModules(own, adminUrl, 'one-process'));
  await start('mainstay, a process for each', (own, adminUrl) => startModules(own, adminUrl, 'per-module'));
  await start('moleculer, one process', (_, adminUrl) => startChain('chain-moleculer', adminUrl, 'together'));
  await start('moleculer, five processes', (_, adminUrl) => startChain('chain-moleculer', adminUrl, 'apart'));
  await start('NestJS, five processes', (_, adminUrl) => startChain('chain-nest', adminUrl, 'apart'));
  console.log(`${conditions()}; the load generator, all chains and their databases share it; ${rounds} rounds of ${seconds} s each, of which the medians are shown`);
  // Until the code is compiled.
  for (const subject of subjects) await measure(subject, 16, 10);
  for (const subject of subjects) await rest(subject);
  console.log(`At rest they use, in ms of processor time a second: ${subjects.map(({ name, atRest }) => `${name} ${(atRest / 1000).toFixed(0)}`).join(', ')}\n`);
  for (const connections of [1, 16]) await compare(connections);
} finally {
  for (const { stop, postgres } of subjects) {
    await stop();
    await postgres.stop();
  }
  rmSync(folder, { recursive: true, force: true });
}

async function start(name: string, begin: (folder: string, adminUrl: (database: string) => string) => Promise<Chain>): Promise<void> {
  const own = join(folder, String(subjects.length));
  const postgres = await startEmbeddedPostgres({ directory: join(own, 'pg'), diesWithParent: true });
  const chain = await begin(own, postgres.adminUrl).catch(async (error: unknown) => {
    await postgres.stop();
    throw error;
  });
  subjects.push({ ...chain, name, postgres, atRest: 0 });
  await requireAllReads(chain, name);
}

/** An answer counts the modules that read a row of theirs for it: all four behind the door. */
async function requireAllReads({ address, token, ids }: Chain, name: string): Promise<void> {
  const response = await fetch(`${address}/v1/parcels/${ids[0]}`, { headers: { authorization: `Bearer ${token}` } });
  const answer = (await response.json()) as { text?: string; reads?: number };
  if (answer.reads !== 4 || answer.text?.length !== 260) throw new Error(`${name} answered ${response.status} ${JSON.stringify(answer)}`);
}

async function compare(connections: number): Promise<void> {
  const results = new Map<Subject, Measured[]>(subjects.map((subject) => [subject, []]));
  for (const subject of subjects) await measure(subject, connections, 1);
  for (let round = 0; round < rounds; round++) for (const subject of subjects) results.get(subject)!.push(await measure(subject, connections, seconds));
  print(connections, results);
}

async function rest(subject: Subject): Promise<void> {
  const used = () => subject.pids.reduce((sum, pid) => sum + processorSeconds(pid), 0);
  const before = used();
  await sleep(3000);
  subject.atRest = ((used() - before) / 3) * 1e6;
}

async function measure({ address, token, ids, pids, postgres }: Subject, connections: number, duration: number): Promise<Measured> {
  const used = () => pids.reduce((sum, pid) => sum + processorSeconds(pid), 0);
  const [before, database] = [used(), processorSeconds(postgres.pid)];
  const result = await wrk({ script: getting(token, ids.map((id) => `/v1/parcels/${id}`)), address, connections, seconds: duration });
  const per = (spent: number) => (spent / result.requests) * 1e6;
  return { ...result, micros: per(used() - before), databaseMicros: per(processorSeconds(postgres.pid) - database) };
}

/** Ratios are to the first line: how much longer, and how much dearer. */
function print(connections: number, results: Map<Subject, Measured[]>): void {
  const of = (runs: Measured[], value: (run: Measured) => number) => median(runs.map(value));
  const base = results.get(subjects[0]!)!;
  console.log(`### ${connections} connection${connections > 1 ? 's' : ''}\n\n| | requests/s | p50 ms | to one process | p99 ms | processor µs/request, all processes | to one process | without what they use at rest | to one process | PostgreSQL µs/request | errors |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |`);
  for (const [{ name, atRest }, runs] of results) {
    const working = (run: Measured, idle: number) => run.micros - idle / run.perSecond;
    const net = of(runs, (run) => working(run, atRest));
    const ratio = (value: (run: Measured) => number) => (of(runs, value) / of(base, value)).toFixed(2);
    const errors = runs.reduce((sum, run) => sum + run.errors, 0);
    const requests = runs.reduce((sum, run) => sum + run.requests, 0);
    console.log(`| ${name} | ${of(runs, (run) => run.perSecond).toFixed(0)} | ${of(runs, (run) => run.p50).toFixed(2)} | ${ratio((run) => run.p50)} | ${of(runs, (run) => run.p99).toFixed(2)} | ${of(runs, (run) => run.micros).toFixed(0)} | ${ratio((run) => run.micros)} | ${net.toFixed(0)} | ${(net / of(base, (run) => working(run, subjects[0]!.atRest))).toFixed(2)} | ${of(runs, (run) => run.databaseMicros).toFixed(0)} | ${errors} of ${requests} |`);
  }
  console.log('');
}
