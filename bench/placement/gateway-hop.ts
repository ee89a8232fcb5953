import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { databaseNameOf } from '@mainstay/kernel/placement/placement';
import { meanWithInterval } from '../mean-with-interval.ts';
import { median } from '../percentile.ts';
import { fill } from '../rest/fill.ts';
import { signIn } from '../rest/mainstay-app.ts';
import { processorSeconds } from '../rest/processor-time.ts';
import { getting, wrk, type LoadResult } from '../rest/wrk.ts';
import type { Place } from './gateway-switched.ts';
import { startPlaced, type PlacedApp } from './start-placed.ts';

const modules = { 'sys-core': null, 'sys-accounts': { accessTokenMinutes: 60 }, 'sys-email': null, 'sys-gateway': null, 'mod-promist': null };

interface Subject extends PlacedApp {
  script: string;
}
interface Run extends LoadResult {
  micros: number;
}

/** Prints what a request takes that the gateway's process answers itself, and one that another process answers. */
export async function compareHops(place: Place, pairs: number): Promise<void> {
  const file = join(place.folder, 'two.yaml');
  writeFileSync(file, JSON.stringify({ processes: { 'sys-main': { modules: ['sys-*'] }, 'mod-main': { modules: ['mod-*'] } } }));
  const subjects: Subject[] = [];
  try {
    subjects.push(await start(place, 'hop_none'), await start(place, 'hop_one', file));
    console.log(`\n### A hop to another process, ${pairs} pairs of a second\n\n| connections | | requests/s | p50 ms | p99 ms | processor µs/request, all processes | errors | the hop: time between answers (95 %) | adds µs at p50 | processor time (95 %) | adds µs |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |`);
    for (const connections of [1, 16]) await compare(subjects as [Subject, Subject], connections, pairs);
  } finally {
    for (const { stop } of subjects) await stop();
  }
}

async function start({ folder, adminUrl }: Place, name: string, placement?: string): Promise<Subject> {
  const app = await startPlaced({ folder: join(folder, name), databaseUrl: adminUrl(name), modules, ...(placement !== undefined && { placement }) });
  const person = await signIn(app.address);
  const promises = app.processes.find(({ instance }) => instance.modules.includes('mod-promist'))!.instance;
  const ids = await fill(adminUrl(databaseNameOf(name, promises)), 'mod_promist.mod_promist_promises', person, 1000);
  return { ...app, script: getting(person.token, ids.map((id) => `/v1/promises/${id}`)) };
}

async function compare([near, far]: [Subject, Subject], connections: number, pairs: number): Promise<void> {
  for (const subject of [near, far]) await measure(subject, connections, 3);
  const runs: { near: Run; far: Run }[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    const first = pair % 2 === 0 ? await measure(near, connections, 1) : undefined;
    const last = await measure(far, connections, 1);
    runs.push({ near: first ?? (await measure(near, connections, 1)), far: last });
  }
  const line = (which: 'near' | 'far') => {
    const of = (value: (run: Run) => number) => median(runs.map((run) => value(run[which])));
    const errors = runs.reduce((sum, run) => sum + run[which].errors, 0);
    return `${of((run) => run.perSecond).toFixed(0)} | ${of((run) => run.p50).toFixed(3)} | ${of((run) => run.p99).toFixed(2)} | ${of((run) => run.micros).toFixed(0)} | ${errors} of ${runs.reduce((sum, run) => sum + run[which].requests, 0)}`;
  };
  const ratio = (value: (run: Run) => number) => {
    const { mean, low, high } = meanWithInterval(runs.map(({ near, far }) => value(far) / value(near)));
    return `${mean.toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
  };
  const adds = (value: (run: Run) => number) => median(runs.map(({ near, far }) => value(far) - value(near))).toFixed(0);
  console.log(`| ${connections} | the gateway's own process | ${line('near')} | | | | |`);
  console.log(`| ${connections} | another process | ${line('far')} | ${ratio((run) => 1 / run.perSecond)} | ${adds((run) => run.p50 * 1000)} | ${ratio((run) => run.micros)} | ${adds((run) => run.micros)} |`);
}

async function measure({ script, address, processes }: Subject, connections: number, seconds: number): Promise<Run> {
  const used = () => processes.reduce((sum, { pid }) => sum + processorSeconds(pid), 0);
  const before = used();
  const result = await wrk({ script, address, connections, seconds });
  return { ...result, micros: ((used() - before) / result.requests) * 1e6 };
}
