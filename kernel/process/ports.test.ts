import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment } from '../module/deployment.ts';
import { movedTo, wantedPorts, withChosenPorts } from './ports.ts';

const deployment = (http: number, operators: number | 'off' | undefined) =>
  ({ http: { host: 'localhost', port: http }, ...(operators !== 'off' && { operators: { host: 'localhost', ...(operators !== undefined && { port: operators }) } }) }) as Deployment;

test('operators get the port that is theirs, else the one after the public one, else any free one', () => {
  for (const [http, operators, expected] of [[4400, undefined, 4401], [65535, undefined, 65534], [0, undefined, 0], [4400, 9000, 9000], [4400, 0, 0], [4400, 'off', undefined]] as const) {
    assert.equal(wantedPorts(deployment(http, operators)).operators, expected, `${http} ${operators}`);
  }
});

test('a deployment that is moved takes no port after its own, but keeps the one that its file names', () => {
  assert.deepEqual(wantedPorts(movedTo(deployment(4400, undefined), 4500)), { http: 4500, operators: 0 });
  assert.deepEqual(wantedPorts(movedTo(deployment(4400, 9000), 4500)), { http: 4500, operators: 9000 });
  assert.deepEqual(wantedPorts(movedTo(deployment(4400, 'off'), 0)), { http: 0 });
});

test('ports that were chosen before count only where the choice is left', () => {
  const chosen = { http: 40001, operators: 40002 };
  assert.deepEqual(wantedPorts(withChosenPorts(deployment(0, 0), chosen)), chosen);
  assert.deepEqual(wantedPorts(withChosenPorts(deployment(4400, undefined), chosen)), { http: 4400, operators: 4401 });
  assert.deepEqual(wantedPorts(withChosenPorts(deployment(0, 9000), chosen)), { http: 40001, operators: 9000 });
  assert.deepEqual(wantedPorts(withChosenPorts(deployment(0, 'off'), chosen)), { http: 40001 });
  assert.deepEqual(wantedPorts(withChosenPorts(deployment(0, undefined), {})), { http: 0, operators: 0 });
  assert.deepEqual(wantedPorts(withChosenPorts(deployment(4400, 0), { http: 40001 })), { http: 4400, operators: 0 });
});
