import { after, test } from 'node:test';
import { startDeployment, type DeploymentOptions, type TestDeployment } from './start-deployment.ts';

/** The placements a behaviour test runs in. A module behaves alike in all of them. */
const placements = ['one-process', 'sys-and-mod', 'per-module', 'sharded', 'replicas'];

/** Those that `MAINSTAY_TEST_PLACEMENTS` names, to look at one alone. */
const chosen = process.env.MAINSTAY_TEST_PLACEMENTS?.split(',') ?? placements;

const running = new Map<string, Promise<TestDeployment>>();

/**
 * Runs a behaviour test in every topology, through the public clients. The tests of a file share one deployment
 * a topology: let each make its own accounts or orgs where it counts rows.
 */
export function everyTopology(fact: string, run: (deployment: TestDeployment) => Promise<void>, options: DeploymentOptions = {}): void {
  for (const placement of chosen) {
    test(`${fact} (${placement})`, async () => run(await deploymentFor(placement, options)));
  }
}

function deploymentFor(placement: string, options: DeploymentOptions): Promise<TestDeployment> {
  const key = JSON.stringify([placement, { ...options, ownModules: options.ownModules?.map(({ name }) => name) }]);
  let deployment = running.get(key);
  if (!deployment) running.set(key, (deployment = startDeployment({ ...options, placement })));
  return deployment;
}

after(async () => {
  for (const deployment of await Promise.all(running.values())) await deployment.stop();
});
