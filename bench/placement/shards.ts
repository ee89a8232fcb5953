/**
 * Writes per second (`POST /v1/promises` through the gateway, of many people, each with an org of their own) with mod-promist in
 * 1, 2, 3 and 4 shards: a process and a database each, all on one PostgreSQL server, and 4 shards with a server each. The
 * same load generator loads all of them in turn. What a write takes of each part's processor time tells what it would come to with cores
 * enough: where all parts share two cores, more shards can not write more.
 *
 * `node bench/placement/shards.ts [--seconds a measurement] [--rounds N] [--people N] [--connections N] [--shards 1,2,4,4e]`; an e stands for a server each
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { databaseNameOf, databaseVariable } from '@mainstay/kernel/placement/placement';
import { startEmbeddedPostgres } from '../../kernel/data/embedded/embedded-postgres.ts';
import { conditions } from '../conditions.ts';
import { median } from '../percentile.ts';
import { endedChildrenSeconds, processorSeconds } from '../rest/processor-time.ts';
import { makingOfMany, requireWrk, wrk, type LoadResult } from '../rest/wrk.ts';
import { register } from './register.ts';
import { startPlaced, type PlacedApp } from './start-placed.ts';

type Postgres = Awaited<ReturnType<typeof startEmbeddedPostgres>>;

interface Subject {
  name: string;
  shards: number;
  app: PlacedApp;
  tokens: string[];
  servers: Postgres[];
  /** Each shard's database. */
  databases: string[];
  /** What its parts use in a second while nobody asks anything. */
  atRest: Used;
}

/** Processor time of each part in seconds, or in µs a write. */
interface Used {
  gateway: number;
  shards: number;
  postgres: number;
  generator: number;
}
type Measured = LoadResult & Used;

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '3' }, rounds: { type: 'string', default: '3' }, people: { type: 'string', default: '32' }, connections: { type: 'string', default: '32' }, shards: { type: 'string', default: '1,2,3,4,4e' } } });
const [seconds, rounds, people, connections] = [values.seconds, values.rounds, values.people, values.connections].map(Number) as [number, number, number, number];
const modules = { 'sys-core': null, 'sys-accounts': { accessTokenMinutes: 60 }, 'sys-email': null, 'sys-gateway': null, 'mod-promist': null };

requireWrk();
const folder = mkdtempSync(join(tmpdir(), 'ms-'));
const subjects: Subject[] = [];
try {
  for (const shards of values.shards.split(',')) subjects.push(await start(parseInt(shards), shards.endsWith('e')));
  console.log(`${conditions()}; ${connections} connections, ${people} orgs, ${rounds} rounds of ${seconds} s each, of which the medians are shown. The load generator, the gateway, all shards and PostgreSQL share these cores\n`);
  await compare();
} finally {
  for (const { app, servers } of subjects) {
    await app.stop();
    for (const server of servers) await server.stop();
  }
  rmSync(folder, { recursive: true, force: true });
}

async function start(shards: number, serverEach: boolean): Promise<Subject> {
  const own = join(folder, `${shards}${serverEach ? 'e' : ''}`);
  mkdirSync(own);
  const placement = join(own, 'shards.yaml');
  writeFileSync(placement, JSON.stringify({ processes: { main: { modules: ['*'] }, 'mod-promist': { modules: ['mod-promist'], shards, database: 'mod-promist' } } }));
  const main = await startEmbeddedPostgres({ directory: join(own, 'pg'), diesWithParent: true, connections: 200 });
  const others = serverEach ? await Promise.all(Array.from({ length: shards }, (_, shard) => startEmbeddedPostgres({ directory: join(own, `pg${shard}`), diesWithParent: true }))) : [];
  const environment = Object.fromEntries(others.map((server, shard) => [databaseVariable(`mod_promist_${shard}`), server.adminUrl('postgres')]));
  const app = await startPlaced({ folder: own, databaseUrl: main.adminUrl('bench'), modules, placement, environment });
  const tokens = await register(app.address, people);
  const databases = app.processes.filter(({ instance }) => instance.shard).map(({ instance }) => (others[instance.shard!.index] ?? main).adminUrl(databaseNameOf('bench', instance)));
  return { name: `${shards}${serverEach ? ', a server each' : ''}`, shards, app, tokens, servers: [main, ...others], databases, atRest: { gateway: 0, shards: 0, postgres: 0, generator: 0 } };
}

async function compare(): Promise<void> {
  const results = new Map<Subject, Measured[]>(subjects.map((subject) => [subject, []]));
  for (const subject of subjects) await measure(subject, 6);
  for (const subject of subjects) await rest(subject);
  const told = (part: 'gateway' | 'shards' | 'postgres') => subjects.map(({ atRest }) => (atRest[part] * 1000).toFixed(0)).join(', ');
  console.log(`At rest, in ms of processor time a second and in the order below: gateway and platform ${told('gateway')}; shards ${told('shards')}; PostgreSQL ${told('postgres')}. What is told below is without that\n`);
  for (let round = 0; round < rounds; round++) for (const subject of subjects) results.get(subject)!.push(await measure(subject, seconds));
  const of = (subject: Subject, value: (run: Measured) => number) => median(results.get(subject)!.map(value));
  console.log('| shards | writes/s | to one shard | p50 ms | p99 ms | gateway and platform µs/write | shards µs/write | busiest shard | PostgreSQL µs/write | load generator µs/write | all | errors |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |');
  for (const [subject, runs] of results) {
    const parts = (['gateway', 'shards', 'postgres', 'generator'] as const).map((part) => of(subject, (run) => run[part]));
    const all = parts.reduce((sum, part) => sum + part, 0);
    const [gateway, shards, postgres, generator] = parts.map((part) => part.toFixed(0));
    const errors = runs.reduce((sum, run) => sum + run.errors, 0);
    const requests = runs.reduce((sum, run) => sum + run.requests, 0);
    const perSecond = of(subject, (run) => run.perSecond);
    console.log(`| ${subject.name} | ${perSecond.toFixed(0)} | ${(perSecond / of(subjects[0]!, (run) => run.perSecond)).toFixed(2)} | ${of(subject, (run) => run.p50).toFixed(1)} | ${of(subject, (run) => run.p99).toFixed(1)} | ${gateway} | ${shards} | ${((await busiest(subject)) * 100).toFixed(0)} % | ${postgres} | ${generator} | ${all.toFixed(0)} | ${errors} of ${requests} |`);
  }
}

async function rest(subject: Subject): Promise<void> {
  const before = used(subject);
  await sleep(2000);
  subject.atRest = difference(before, used(subject), 2);
}

async function measure(subject: Subject, duration: number): Promise<Measured> {
  const [before, began] = [used(subject), performance.now()];
  const result = await wrk({ script: makingOfMany(subject.tokens), address: subject.app.address, connections, seconds: duration });
  await collected(subject);
  const seconds = (performance.now() - began) / 1000;
  const { gateway, shards, postgres, generator } = difference(before, used(subject), 1);
  const per = (spent: number, atRest: number) => ((spent - atRest * seconds) / result.requests) * 1e6;
  const { atRest } = subject;
  return { ...result, gateway: per(gateway, atRest.gateway), shards: per(shards, atRest.shards), postgres: per(postgres, atRest.postgres), generator: per(generator, 0) };
}

function difference(before: Used, after: Used, seconds: number): Used {
  const each = (part: keyof Used) => (after[part] - before[part]) / seconds;
  return { gateway: each('gateway'), shards: each('shards'), postgres: each('postgres'), generator: each('generator') };
}

function used({ app, servers }: Subject): Used {
  const sum = (pids: number[]) => pids.reduce((total, pid) => total + processorSeconds(pid), 0);
  const pidsOf = (sharded: boolean) => app.processes.filter(({ instance }) => (instance.shard !== undefined) === sharded).map(({ pid }) => pid);
  return { gateway: sum(pidsOf(false)), shards: sum(pidsOf(true)), postgres: sum(servers.map(({ pid }) => pid)), generator: endedChildrenSeconds() };
}

/** Waits until the audit has the records of all commands, which belong to the writes. */
async function collected({ databases }: Subject): Promise<void> {
  for (const url of databases) {
    const left = async () => (await ask<{ left: boolean }>(url, 'select exists (select from mod_promist.mod_promist_commands where not collected) as left')).left;
    while (await left()) await sleep(50);
  }
}

/** The share of all promises that the shard with most of them has. */
async function busiest({ databases }: Subject): Promise<number> {
  const counts = await Promise.all(databases.map(async (url) => (await ask<{ promises: number }>(url, 'select count(*)::int as promises from mod_promist.mod_promist_promises')).promises));
  return Math.max(...counts) / counts.reduce((sum, count) => sum + count, 0);
}

async function ask<R extends object>(url: string, sql: string): Promise<R> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<R>(sql)).rows[0]!;
  } finally {
    await client.end();
  }
}
