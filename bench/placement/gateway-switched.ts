import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeFlags } from '@mainstay/deploy/node-flags';
import { meanWithInterval } from '../mean-with-interval.ts';
import { median } from '../percentile.ts';
import { fill } from '../rest/fill.ts';
import { signIn } from '../rest/mainstay-app.ts';
import { getting, wrk } from '../rest/wrk.ts';
import { gatewaySections } from './gateway-policies.ts';
import type { Spell, SpellPair, Spells } from './gateway-switched-process.ts';

/** Where deployments may be made. */
export interface Place {
  folder: string;
  adminUrl: (database: string) => string;
}

interface Subject {
  what: string;
  child: ChildProcess;
  address: string;
  script: string;
}

/** Prints what a request takes with the gateway and without, in the same process. */
export async function compareSwitched(place: Place, spells: Spells): Promise<void> {
  const variants: [string, object, 'real' | 'control'][] = [['a switch that changes nothing', {}, 'control'], ...Object.entries(gatewaySections).map(([what, section]): [string, object, 'real'] => [what, section, 'real'])];
  const subjects: Subject[] = [];
  try {
    for (const [at, [what, section, switches]] of variants.entries()) subjects.push(await start(place, `switched_${at}`, what, section, switches));
    for (const connections of [1, 16]) await compare(subjects, connections, spells);
  } finally {
    for (const { child } of subjects) await stop(child);
  }
}

async function start({ folder, adminUrl }: Place, name: string, what: string, section: object, switches: 'real' | 'control'): Promise<Subject> {
  const file = join(folder, `${name}.yaml`);
  writeFileSync(file, JSON.stringify({ name: 'bench', phase: 'T', http: { port: 0 }, operators: 'off', modules: { 'sys-core': null, 'sys-accounts': { accessTokenMinutes: 60 }, 'sys-email': null, 'sys-gateway': section, 'mod-promist': null } }));
  const child = fork(join(import.meta.dirname, 'gateway-switched-process.ts'), [adminUrl('postgres'), name, randomBytes(32).toString('hex'), join(folder, name), file, switches], { execArgv: [...nodeFlags] });
  const { address } = (await answerOf(child)) as { address: string };
  const person = await signIn(address);
  const ids = await fill(adminUrl(name), 'mod_promist.mod_promist_promises', person, 1000);
  return { what, child, address, script: getting(person.token, ids.map((id) => `/v1/promises/${id}`)) };
}

async function compare(subjects: readonly Subject[], connections: number, spells: Spells): Promise<void> {
  console.log(`\n### ${connections} connection${connections > 1 ? 's' : ''}, ${spells.pairs} pairs of ${spells.spell} ms\n\n| the gateway | processor µs/request without it | of that with it (95 %) | adds µs (95 %) | µs between answers without it | of that with it (95 %) | adds µs (95 %) | p99 ms | errors |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- |`);
  for (const subject of subjects) {
    const { pairs, p99, errors, requests } = await load(subject, connections, spells);
    const columns = [(spell: Spell) => spell.micros / spell.requests, (spell: Spell) => (spell.milliseconds * 1000) / spell.requests].flatMap((value) => columnsOf(pairs, value));
    console.log(`| ${subject.what} | ${columns.join(' | ')} | ${p99.toFixed(2)} | ${errors} of ${requests} |`);
  }
}

function columnsOf(pairs: readonly SpellPair[], value: (spell: Spell) => number): string[] {
  const without = median(pairs.map(({ off }) => value(off)));
  const { mean, low, high } = meanWithInterval(pairs.map(({ on, off }) => value(on) / value(off)));
  const adds = (ratio: number) => ((ratio - 1) * without).toFixed(1);
  return [without.toFixed(1), `${mean.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`, `${adds(mean)} (${adds(low)} to ${adds(high)})`];
}

/** Loads a process, lets it warm up, and has it observe itself meanwhile. */
async function load({ child, address, script }: Subject, connections: number, spells: Spells) {
  const warmUp = 2000;
  const seconds = Math.ceil((warmUp + spells.pairs * 2 * (spells.spell + 5) * 1.2) / 1000);
  const loaded = wrk({ script, address, connections, seconds });
  // Both ways are compiled before anything counts.
  await Promise.all([ask(child, { pairs: 8, spell: 100 }), sleep(warmUp)]);
  const pairs = await ask(child, spells);
  // What no request fell into, because the machine stood still, says nothing of a request.
  const sound = pairs.filter(({ on, off }) => on.requests > 0 && off.requests > 0);
  return { pairs: sound, ...(await loaded) };
}

function ask(child: ChildProcess, spells: Spells): Promise<SpellPair[]> {
  const answer = answerOf(child) as Promise<SpellPair[]>;
  child.send(spells);
  return answer;
}

function answerOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(new Error('a process of the benchmark ended'));
    child.once('exit', ended).once('message', (message) => {
      child.off('exit', ended);
      resolve(message);
    });
  });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill();
  await ended;
}
