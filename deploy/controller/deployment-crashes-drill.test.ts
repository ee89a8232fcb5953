import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { drillDeployment, servesAgain, signIn } from '@mainstay/deploy/testing';
import { until } from '@mainstay/kernel/testing';
import { callsAsAda } from '../testing/use-deployment.ts';

test('after kill -9 of the controller its process ends by itself, and up takes over', async (t) => {
  const drill = await drillDeployment(t);
  assert.equal(drill.up().status, 0);
  const postgres = drill.pid('postgres');
  drill.kill('controller');
  await until(() => drill.pid('process') === undefined, 'the process has ended');
  assert.equal(drill.status().state, 'abandoned');
  const again = drill.up();
  assert.equal(again.status, 0, again.output);
  assert.equal(drill.pid('postgres'), postgres, 'PostgreSQL was adopted');
  assert.equal(await signIn(drill), 200);
});

test('after kill -9 of the controller down stops what it left', async (t) => {
  const drill = await drillDeployment(t);
  assert.equal(drill.up().status, 0);
  drill.kill('controller');
  assert.match(drill.mainstay('down', '--deployment', 'drill').output, /drill is stopped/);
  assert.deepEqual(drill.status().processes, []);
});

test('after kill -9 of the process it is started again', async (t) => {
  const drill = await drillDeployment(t);
  assert.equal(drill.up().status, 0);
  const killed = drill.pid('process');
  drill.kill('process');
  await until(() => ![undefined, killed].includes(drill.pid('process')), 'another process runs');
  await servesAgain(drill);
  assert.match(drill.mainstay('logs', '--deployment', 'drill').output, /killed by SIGKILL/);
});

test('after kill -9 of PostgreSQL it is started again and the process goes on', async (t) => {
  const drill = await drillDeployment(t);
  assert.equal(drill.up().status, 0);
  const [killed, process] = [drill.pid('postgres'), drill.pid('process')];
  drill.kill('postgres');
  await until(() => ![undefined, killed].includes(drill.pid('postgres')), 'another PostgreSQL runs');
  await servesAgain(drill);
  assert.equal(drill.pid('process'), process);
});

test('after kill -9 of everything up works', async (t) => {
  const drill = await drillDeployment(t);
  assert.equal(drill.up().status, 0);
  drill.kill('controller', 'process', 'postgres');
  const again = drill.up();
  assert.equal(again.status, 0, again.output);
  assert.equal(await signIn(drill), 200);
});

test('a port that the deployment leaves open is the same after its process was killed, and who is signed in stays so', async (t) => {
  const drill = await drillDeployment(t);
  writeFileSync(drill.file, readFileSync(drill.file, 'utf8').replace(/port: \d+/, 'port: 0'));
  assert.equal(drill.up().status, 0);
  const { address, operatorsAddress } = drill.status();
  const { send } = await callsAsAda(Number(new URL(address!).port));
  for (let kills = 0; kills < 2; kills++) {
    const killed = drill.pid('process');
    drill.kill('process');
    await until(() => ![undefined, killed].includes(drill.pid('process')) && drill.status().state === 'running', 'another process serves');
    const again = drill.status();
    assert.deepEqual([again.address, again.operatorsAddress], [address, operatorsAddress]);
    assert.equal((await fetch(`${operatorsAddress}/readyz`, { headers: { connection: 'close' } })).status, 200);
    assert.ok((await send('/v1/accounts/me', { method: 'GET' })).accountId);
  }
});
