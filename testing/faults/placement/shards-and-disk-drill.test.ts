import { mkdirSync, mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fill, mountSmallDisk, withoutMount } from '../small-disk.ts';
import { halfOpen, killed, patience } from './faults.ts';
import { type Fault, underFaults } from './under-faults.ts';

test('promises in four shards: none of the faults loses or doubles anything', { timeout: patience }, async (t) => {
  // Which of them have the orgs that are at work is different each time.
  await underFaults(t, { placement: 'sharded' }, [...[0, 1, 2, 3].map((shard) => killed(`mod-promist-${shard}`)), killed('main')]);
});

test('two processes whose connections are half open, and then on a full disk, lose and double nothing, and go on', { timeout: patience, skip: withoutMount }, async (t) => {
  const home = mkdtempSync(join(tmpdir(), 'mf-'));
  const disk = join(home, 'placed/postgres');
  mkdirSync(disk, { recursive: true });
  mountSmallDisk(t, 600, disk);
  t.after(() => rmSync(home, { recursive: true, force: true }));
  const full: Fault = {
    name: 'full disk for 3 s',
    async happen() {
      const ballast = join(disk, 'ballast');
      for (const end = performance.now() + 3000; performance.now() < end; await sleep(100)) fill(ballast, disk);
      truncateSync(ballast, 0);
    },
  };
  await underFaults(t, { placement: 'sys-and-mod', home, between: [['sys-main', 'mod-main'], ['mod-main', 'sys-main']] }, [halfOpen, full]);
});
