import { mkdirSync, mkdtempSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fill, mountSmallDisk, withoutMount } from '../small-disk.ts';
import { type Fault, underFaults } from './under-faults.ts';

const killed = (instance: string): Fault => ({ name: `kill -9 of ${instance}`, happen: (deployment) => deployment.strike(instance, 'SIGKILL') });
/** It takes connections and never answers. */
const halted = (instance: string): Fault => ({ name: `${instance} stands still`, happen: (deployment) => deployment.strike(instance, 'SIGSTOP') });
const postgresKilled: Fault = { name: 'kill -9 of PostgreSQL', happen: (deployment) => deployment.strikePostgres() };

test('two processes of each kind over one database: none of the faults loses or doubles anything, and a rolling restart fails no request', async (t) => {
  await underFaults(t, { placement: 'replicas' }, [
    { name: 'rolling restart', happen: (deployment) => deployment.restartAll(), unnoticed: true },
    killed('sys-main-0'),
    killed('mod-main-1'),
    halted('sys-main-1'),
    halted('mod-main-0'),
    postgresKilled,
  ]);
});

test('each module in a process of its own: none of the faults loses or doubles anything', async (t) => {
  await underFaults(t, { placement: 'per-module', between: [['sys-gateway', 'mod-promist'], ['mod-promist', 'mod-witness']] }, [
    ...['sys-gateway', 'sys-core', 'sys-accounts', 'mod-promist', 'mod-witness'].map(killed),
    halted('mod-promist'),
    { name: 'half-open connections to mod-promist and mod-witness', happen: async (deployment) => deployment.freeze() },
    postgresKilled,
  ]);
});

test('promises in four shards: none of the faults loses or doubles anything', async (t) => {
  await underFaults(t, { placement: 'sharded' }, [...[0, 1, 2, 3].map((shard) => killed(`mod-promist-${shard}`)), killed('main'), postgresKilled]);
});

test('on a full disk two processes lose and double nothing, and go on when there is room', { skip: withoutMount }, async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'mf-'));
  const disk = join(home, 'placed/postgres');
  mkdirSync(disk, { recursive: true });
  mountSmallDisk(t, 600, disk);
  const full: Fault = {
    name: 'full disk for 3 s',
    async happen() {
      const ballast = join(disk, 'ballast');
      for (const end = performance.now() + 3000; performance.now() < end; await sleep(100)) fill(ballast, disk);
      truncateSync(ballast, 0);
    },
  };
  await underFaults(t, { placement: 'sys-and-mod', home }, [full]);
});
