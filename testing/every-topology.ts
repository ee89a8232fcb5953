import { after, test } from 'node:test';
import type { Module } from '@mainstay/kernel';
import { startDeployment, type DeploymentOptions, type TestDeployment } from './start-deployment.ts';

/** The placements a behaviour test runs in. A module behaves alike in all of them. */
const placements = ['one-process', 'sys-and-mod', 'per-module', 'sharded', 'replicas'];

/** Those that `MAINSTAY_TEST_PLACEMENTS` names, to look at one alone. */
const chosen = process.env.MAINSTAY_TEST_PLACEMENTS?.split(',') ?? placements;

/** So many deployments of tests run at once; the one that was not used for longest is stopped for another, but not the one without options. */
const MOST_RUNNING = 2;

/** The last used is the last. */
const running = new Map<string, Promise<TestDeployment>>();

export interface TopologyOptions extends DeploymentOptions {
  /** Names a deployment that only the tests of this file use: for those that count what there is in all. */
  alone?: string;
  /** Why the test can not run here, such as an engine that is missing. */
  skip?: string | false;
}

/**
 * Runs a behaviour test in every topology, through the public clients. Tests share one deployment a topology, those of
 * other files too: let each make its own accounts or orgs where it counts rows.
 */
export function everyTopology(fact: string, run: (deployment: TestDeployment) => Promise<void>, { skip = false, ...options }: TopologyOptions = {}): void {
  for (const placement of chosen) {
    test(`${fact} (${placement})`, { skip }, async () => run(await deploymentFor(placement, options)));
  }
}

function deploymentFor(placement: string, options: TopologyOptions): Promise<TestDeployment> {
  const key = keyOf(placement, options);
  const deployment = running.get(key) ?? startAnother({ ...options, placement });
  running.delete(key);
  running.set(key, deployment);
  return deployment;
}

const keyOf = (placement: string, options: TopologyOptions): string => JSON.stringify([placement, { ...options, ownModules: options.ownModules?.map(numberOf) }]);

async function startAnother(options: DeploymentOptions): Promise<TestDeployment> {
  const oldest = [...running.keys()].find((key) => key !== keyOf(options.placement!, {}));
  if (running.size >= MOST_RUNNING && oldest !== undefined) {
    const stopping = running.get(oldest)!;
    running.delete(oldest);
    await (await stopping).stop();
  }
  return startDeployment(options);
}

/** Two files may have modules of one name. */
const numbers = new Map<Module, number>();
function numberOf(module: Module): string {
  if (!numbers.has(module)) numbers.set(module, numbers.size);
  return `${module.name} ${numbers.get(module)}`;
}

after(async () => {
  for (const deployment of await Promise.all(running.values())) await deployment.stop();
});
