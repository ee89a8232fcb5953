import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Module } from '../module/define-module.ts';
import type { Deployment } from '../module/deployment.ts';
import { StartError } from '../module/start-error.ts';
import { placeOfProcess } from './place-of-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'mainstay-place-'));
after(() => rmSync(folder, { recursive: true }));

const build = [{ name: 'sys-core' }, { name: 'sys-door', gateway: () => ({}) }, { name: 'mod-lamps', shardBy: 'org' }] as unknown as Module[];
const deployment = { name: 'house', modules: build.map((module) => ({ module })) } as unknown as Deployment;

function place(text: string, instance: string | undefined, environment: NodeJS.ProcessEnv = {}) {
  const file = join(folder, 'rooms.yaml');
  writeFileSync(file, text);
  return placeOfProcess({ placement: file, instance }, deployment, build, environment);
}

function problems(...args: Parameters<typeof place>): readonly string[] {
  try {
    place(...args);
  } catch (error) {
    assert.ok(error instanceof StartError, String(error));
    return error.problems;
  }
  return assert.fail('it was accepted');
}

const apart = 'processes:\n  hall: {modules: ["sys-*"], replicas: 2}\n  light: {modules: ["mod-*"], database: light, shards: 1}\n';
const peers = { MAINSTAY_PEER_HALL_0: 'http://127.0.0.1:4001', MAINSTAY_PEER_HALL_1: 'http://127.0.0.1:4002', MAINSTAY_PEER_LIGHT_0: 'https://lamps.example:4003' };

test('a process finds its modules and the others by the environment', () => {
  const { instance, peers: found, databases, placement } = place(apart, 'light-0', { ...peers, DATABASE_URL_LIGHT_0: 'postgresql://elsewhere/light' });
  assert.deepEqual([placement.name, instance.name, instance.modules], ['rooms', 'light-0', ['mod-lamps']]);
  assert.deepEqual(found, { 'hall-0': 'http://127.0.0.1:4001', 'hall-1': 'http://127.0.0.1:4002', 'light-0': 'https://lamps.example:4003' });
  assert.deepEqual(databases, { light_0: 'postgresql://elsewhere/light' });
});

test('the public port is opened where the gateway runs, and the first of these has the port for operators of the file', () => {
  const found = ['hall-0', 'hall-1', 'light-0'].map((name) => place(apart, name, peers)).map(({ isPublic, isFirst }) => [isPublic, isFirst]);
  assert.deepEqual(found, [[true, true], [true, false], [false, false]]);
});

test('the only process needs no name, no peers and no gateway', () => {
  const { instance, peers, isPublic, isFirst } = place('processes:\n  all: {modules: ["*"]}\n', undefined);
  assert.deepEqual([instance.name, peers, isPublic, isFirst], ['all', {}, true, true]);
});

test('each address that is missing or wrong is told by the name of its variable, with an example', () => {
  assert.deepEqual(problems(apart, 'light-0', { ...peers, MAINSTAY_PEER_HALL_1: '', MAINSTAY_PEER_LIGHT_0: '127.0.0.1:4003' }), [
    'the environment variable MAINSTAY_PEER_HALL_1 is missing; set it to where hall-1 is called by the other processes, such as http://127.0.0.1:4501',
    'MAINSTAY_PEER_LIGHT_0 is "127.0.0.1:4003"; it must be where light-0 is called by the other processes, such as http://127.0.0.1:4502',
  ]);
  for (const wrong of ['http://127.0.0.1', 'ftp://127.0.0.1:1', 'http://127.0.0.1:4003/there', 'http://a:b@127.0.0.1:4003']) {
    assert.match(problems(apart, 'light-0', { ...peers, MAINSTAY_PEER_LIGHT_0: wrong })[0]!, /^MAINSTAY_PEER_LIGHT_0 is /, wrong);
  }
});

test('a process that the placement does not have is told with those that it has', () => {
  assert.deepEqual(problems(apart, 'light', peers), ['the placement rooms has no process "light" for the modules of this deployment; there are hall-0, hall-1, light-0']);
  assert.deepEqual(problems(apart, undefined, peers), ['the placement rooms has several processes; name one with --process: hall-0, hall-1, light-0']);
});
