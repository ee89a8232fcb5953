import { after, test } from 'node:test';
import { startDeployment, type DeploymentOptions, type TestDeployment } from './start-deployment.ts';

/** The placements a behaviour test runs in. A module behaves alike in all of them. */
const topologies = ['one process'] as const;

const running = new Map<string, Promise<TestDeployment>>();

/**
 * Runs a behaviour test in every topology, through the public clients. The tests of a file share one deployment
 * a topology: let each make its own accounts or orgs where it counts rows.
 */
export function everyTopology(fact: string, run: (deployment: TestDeployment) => Promise<void>, options: DeploymentOptions = {}): void {
  for (const topology of topologies) {
    test(`${fact} (${topology})`, async () => run(await deploymentFor(topology, options)));
  }
}

function deploymentFor(topology: string, options: DeploymentOptions): Promise<TestDeployment> {
  const key = JSON.stringify([topology, { ...options, ownModules: options.ownModules?.map(({ name }) => name) }]);
  let deployment = running.get(key);
  if (!deployment) running.set(key, (deployment = startDeployment(options)));
  return deployment;
}

after(async () => {
  for (const deployment of await Promise.all(running.values())) await deployment.stop();
});
