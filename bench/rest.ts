/**
 * What a request over REST costs, from the socket to the durable row and back, beside a bare Fastify handler over
 * pipelined `pg` (the reference), Express with Drizzle, and NestJS with TypeORM, which keep the same rows and check the
 * same things. All of them, PostgreSQL and the load generator share the machine; they run in turn, in the same run.
 *
 * `node bench/rest.ts [seconds a measurement] [rounds] [connections]`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedPostgres } from '../kernel/data/embedded/embedded-postgres.ts';
import { conditions } from './conditions.ts';
import { fill } from './rest/fill.ts';
import { startMainstay } from './rest/mainstay-app.ts';
import { installPeers, startPeer } from './rest/peers.ts';
import { processorSeconds, residentMiB } from './rest/processor-time.ts';
import type { RunningApp } from './rest/running-app.ts';
import { getting, making, medianRun, requireWrk, wrk, type LoadResult } from './rest/wrk.ts';

const seconds = Number(process.argv[2] ?? 8);
const rounds = Number(process.argv[3] ?? 3);
const connections = Number(process.argv[4] ?? 64);
const promises = 20_000;
/** Until the code is compiled and the connections stand. */
const WARM_UP_SECONDS = 10;

interface Subject extends RunningApp {
  ids: string[];
  /** Resolves when what its answers left to be done is done. */
  settled?: () => Promise<void>;
}
interface Measured extends LoadResult {
  appMicros: number;
  databaseMicros: number;
}

requireWrk();
installPeers();
const folder = mkdtempSync(join(tmpdir(), 'mb-'));
const postgres = await startEmbeddedPostgres({ directory: join(folder, 'pg'), diesWithParent: true });
const subjects: Subject[] = [];
try {
  const mainstay = await startMainstay(folder, postgres.adminUrl('bench'));
  subjects.push({ ...mainstay, ids: await fill(postgres.adminUrl('bench'), 'mod_promist.mod_promist_promises', mainstay, promises), settled });
  for (const [name, script] of [['bare Fastify + pg', 'fastify-pg'], ['Express + Drizzle', 'express-drizzle'], ['NestJS + TypeORM', 'nest-typeorm']] as const) {
    const peer = await startPeer(name, script, postgres.adminUrl);
    subjects.push({ ...peer, ids: await fill(peer.databaseUrl, 'promises', peer, promises) });
  }
  console.log(conditions());
  console.log(`${connections} connections, ${rounds} rounds of ${seconds} s each, the median of which is shown; ${promises} promises of one owner at the start\n`);
  const scripts: Record<string, (subject: Subject) => string> = {
    'POST a promise': ({ token }) => making(token),
    'POST a promise, with an idempotency key': ({ token }) => making(token, true),
    'GET one promise': ({ token, ids }) => getting(token, ids.map((id) => `/v1/promises/${id}`)),
    'list 20 promises': ({ token }) => getting(token, ['/v1/promises?page_size=20']),
  };
  for (const [what, script] of Object.entries(scripts)) await compare(what, script);
} finally {
  for (const subject of subjects) await subject.stop();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}

async function compare(what: string, script: (subject: Subject) => string): Promise<void> {
  const results = new Map<Subject, Measured[]>(subjects.map((subject) => [subject, []]));
  for (const subject of subjects) {
    await wrk({ script: script(subject), address: subject.address, connections, seconds: WARM_UP_SECONDS });
    await subject.settled?.();
  }
  for (let round = 0; round < rounds; round++) for (const subject of subjects) results.get(subject)!.push(await measure(subject, script(subject)));
  const reference = medianRun(results.get(subjects[1]!)!);
  console.log(`### ${what}\n\n| | requests/s | ratio to bare | p50 ms | p99 ms | app µs/request | PostgreSQL µs/request | errors | MiB |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |`);
  for (const [subject, runs] of results) {
    const { perSecond, p50, p99, appMicros, databaseMicros } = medianRun(runs);
    const errors = runs.reduce((sum, run) => sum + run.errors, 0);
    console.log(`| ${subject.name} | ${perSecond.toFixed(0)} | ${(perSecond / reference.perSecond).toFixed(2)} | ${p50.toFixed(1)} | ${p99.toFixed(1)} | ${appMicros.toFixed(0)} | ${databaseMicros.toFixed(0)} | ${errors} | ${residentMiB(subject.pid).toFixed(0)} |`);
  }
  console.log('');
}

/** Waits until the audit has all records of commands, so that nobody else is measured meanwhile. */
async function settled(): Promise<void> {
  const client = new pg.Client(postgres.adminUrl('bench'));
  await client.connect();
  const left = async () => (await client.query<{ left: boolean }>('select exists (select from mod_promist.mod_promist_commands where not collected) as left')).rows[0]!.left;
  while (await left()) await sleep(100);
  await client.end();
}

/** Processor time counts until all is done that the answers left behind. */
async function measure(subject: Subject, script: string): Promise<Measured> {
  const [app, database] = [processorSeconds(subject.pid), processorSeconds(postgres.pid)];
  const result = await wrk({ script, address: subject.address, connections, seconds });
  await subject.settled?.();
  const per = (used: number) => (used / result.requests) * 1e6;
  return { ...result, appMicros: per(processorSeconds(subject.pid) - app), databaseMicros: per(processorSeconds(postgres.pid) - database) };
}
