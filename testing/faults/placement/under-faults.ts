import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { failedTries, longestSilence, type Try } from './history.ts';
import { judgeHistory } from './judge-history.ts';
import { PlacedDeployment, type PlacedOptions } from './placed-deployment.ts';
import { PATIENT_MILLISECONDS, SteadyLoad } from './steady-load.ts';

/** Something that goes wrong, or is done, while commands come. */
export interface Fault {
  name: string;
  /** Makes it happen; resolves when nothing is left of it. */
  happen: (deployment: PlacedDeployment, load: SteadyLoad) => Promise<void>;
  /** No client may notice anything of it. */
  unnoticed?: boolean;
}

/** Commands begun each second. */
const RATE = Number(process.env.MAINSTAY_FAULTS_RATE ?? 500);
/** How long a client waits for an answer while something is wrong, before it sends the command again. */
const IMPATIENT_MILLISECONDS = 3000;
/** Of two orgs, so that several shards are at work. */
const accounts = ['ada@acme.test', 'ben@acme.test', 'eve@umbrella.test'];

/** What the load is without any. */
const calm: Fault = { name: 'none', happen: () => sleep(3000), unnoticed: true };

/**
 * Runs a deployment under load while one fault after the other happens, and judges at the end what its clients saw: nothing
 * acknowledged is lost, nothing applied twice, each event took effect once, and after each fault commands were acknowledged
 * again. Tells how long none was.
 */
export async function underFaults(t: TestContext, options: PlacedOptions, faults: readonly Fault[]): Promise<void> {
  const deployment = await PlacedDeployment.start(options);
  const load = new SteadyLoad({ address: deployment.address, perSecond: RATE, accounts });
  try {
    await load.start();
    await load.goesOn(200);
    for (const fault of [calm, ...faults]) await undergo(t, fault, deployment, load);
    await load.stop();
    assert.deepEqual(load.complaints, []);
    assert.deepEqual(judgeHistory(load.history, await deployment.settled()).slice(0, 20), []);
  } finally {
    await load.abandon();
    await deployment.stop();
  }
}

async function undergo(t: TestContext, { name, happen, unnoticed = false }: Fault, deployment: PlacedDeployment, load: SteadyLoad): Promise<void> {
  const began = performance.now();
  load.patience = unnoticed ? PATIENT_MILLISECONDS : IMPATIENT_MILLISECONDS;
  await happen(deployment, load);
  await load.goesOn(100);
  const ended = performance.now();
  const failed = failedTries(load.history, began, ended);
  const acknowledged = load.history.flatMap((command) => (command.acknowledged && command.acknowledged.at >= began && command.acknowledged.at <= ended ? [command.acknowledged.at - command.begun] : []));
  const rate = Math.round(acknowledged.length / ((ended - began) / 1000));
  t.diagnostic(`| ${name} | ${inSeconds(longestSilence(load.history, began, ended))} | ${inSeconds(Math.max(...acknowledged))} | ${rate} | ${failed.length} ${summaryOf(failed)} |`);
  if (unnoticed) assert.deepEqual(failed.map((one) => `${one.problem} after ${inSeconds(one.ended - one.began)} s, begun at ${inSeconds(one.began - began)} s of ${inSeconds(ended - began)}`), [], `no request fails during: ${name}\n${deployment.log()}`);
  await sleep(300);
}

const inSeconds = (milliseconds: number) => (milliseconds / 1000).toFixed(1);

/** How often which problem, without what differs from one to the next. */
function summaryOf(failed: readonly Try[]): string {
  const kinds = Map.groupBy(failed, ({ status, problem }) => (status === undefined ? problem! : /"reason":"([^"]+)"/.exec(problem ?? '')?.[1] ?? String(status)));
  return failed.length === 0 ? '' : `(${[...kinds].map(([kind, { length }]) => `${length} ${kind}`).join(', ')})`;
}
