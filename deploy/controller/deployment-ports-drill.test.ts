import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { drillDeployment, freePort } from '@mainstay/deploy/testing';
import type { DeploymentStatus } from './deployment-status.ts';
import { isFree } from './free-port.ts';

test('a taken port is told before anything starts, and another can be chosen', async (t) => {
  const drill = await drillDeployment(t);
  const other = createServer().listen(drill.port, '127.0.0.1');
  await once(other, 'listening');
  t.after(() => other.close());
  const refused = drill.up();
  assert.equal(refused.status, 1);
  assert.match(refused.output, new RegExp(`port ${drill.port} is taken by another program; choose another with --port N`));
  assert.deepEqual(drill.status().processes, []);
  assert.equal(drill.up('--port', String(await freePort())).status, 0);
});

/** Two ports, one after the other, that nothing listens on now. */
async function neighbours(): Promise<[number, number]> {
  for (;;) {
    const port = await freePort();
    if (await isFree('localhost', port + 1)) return [port, port + 1];
  }
}

test('deployments on neighbouring ports run side by side, and what operators look at stays where it was', async (t) => {
  const drill = await drillDeployment(t);
  const [port, next] = await neighbours();
  const source = readFileSync(drill.file, 'utf8').replace('operators:\n  port: 0\n', '');
  const other = join(drill.home, 'other.yaml');
  writeFileSync(drill.file, source);
  writeFileSync(other, source.replace('name: drill', 'name: other'));
  assert.equal(drill.up('--port', String(port)).status, 0);
  const second = drill.mainstay('up', '--detach', '--deployment', other, '--port', String(next));
  assert.equal(second.status, 0, second.output);
  const { deployments } = JSON.parse(drill.mainstay('status', '--json').output) as { deployments: DeploymentStatus[] };
  assert.deepEqual(deployments.map(({ address }) => address), [`http://localhost:${port}`, `http://localhost:${next}`]);
  for (const { operatorsAddress } of deployments) assert.equal((await fetch(`${operatorsAddress}/livez`)).status, 200);
  assert.match(second.output, new RegExp(`for operators {2}${deployments[1]!.operatorsAddress}/metrics`));

  writeFileSync(join(drill.home, 'third.yaml'), source.replace('name: drill', 'name: third').replace(/port: \d+/, `port: ${port - 1}`));
  const third = drill.mainstay('up', '--detach', '--deployment', join(drill.home, 'third.yaml'));
  assert.equal(third.status, 1);
  assert.match(third.output, new RegExp(`port ${port} for operators is taken by drill, which runs here; set operators\\.port in the deployment file to another \\(0 takes any free one\\), or operators: off`));
  assert.match(drill.mainstay('up', '--detach', '--deployment', join(drill.home, 'third.yaml'), '--port', String(next)).output, new RegExp(`port ${next} is taken by other, which runs here; choose another with --port N`));

  drill.mainstay('down', '--deployment', 'drill');
  assert.equal(drill.up('--port', String(port)).status, 0);
  assert.equal(drill.status().operatorsAddress, deployments[0]!.operatorsAddress);
});
