import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { freePort, script } from '../testing/drill-deployment.ts';

const mount = (folder: string, size: string) => spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs', folder]).status === 0;
const unmount = (folder: string) => spawnSync('umount', ['--lazy', folder]);

function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'mf-mount-'));
  const mounted = mount(folder, '1m');
  if (mounted) unmount(folder);
  rmSync(folder, { recursive: true });
  return mounted;
}

test('a start and a restore on a full disk say which disk is full, leave nothing behind, and work when there is room', { skip: canMount() ? false : 'needs the engine mount: a root that may mount a tmpfs' }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'mf-full-'));
  const home = join(folder, 'home');
  mkdirSync(home);
  const { DATABASE_URL: _, ...environment } = process.env;
  const mainstay = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(script, args, { env: { ...environment, MAINSTAY_HOME: home }, encoding: 'utf8' });
    return { status, output: stdout + stderr };
  };
  t.after(() => {
    mainstay('down', '--deployment', 'drill');
    unmount(home);
    rmSync(folder, { recursive: true });
  });
  assert.equal(mount(home, '300m'), true);
  const file = join(folder, 'drill.yaml');
  writeFileSync(file, `name: drill\nphase: T\nhttp:\n  port: ${await freePort()}\nmodules:\n  sys-core:\n  sys-accounts:\n  sys-email:\n`);
  const up = () => mainstay('up', '--detach', '--deployment', file);
  const ballast = join(home, '.ballast');

  fill(ballast, home, 0);
  const refused = up();
  assert.equal(refused.status, 1);
  assert.match(refused.output, new RegExp(`the disk of ${home}/drill is full \\(0 MiB are free\\): make room and try again`));
  rmSync(ballast);
  const started = up();
  assert.equal(started.status, 0, started.output);
  const backup = join(folder, 'backup');
  assert.equal(mainstay('backup', backup, '--deployment', 'drill').status, 0);
  assert.equal(mainstay('down', '--deployment', 'drill').status, 0);
  const before = readdirSync(home);

  fill(ballast, home, 20 * 1024 * 1024);
  const unrestored = mainstay('restore', backup, '--into', 'other');
  assert.equal(unrestored.status, 1);
  assert.match(unrestored.output, new RegExp(`the disk of ${home} is full \\(\\d+ MiB are free\\): make room and try again`));
  rmSync(ballast);
  assert.deepEqual(readdirSync(home), before);
  const restored = mainstay('restore', backup, '--into', 'other');
  assert.equal(restored.status, 0, restored.output);
});

/** Takes the room of a disk but for `left` bytes. */
function fill(ballast: string, disk: string, left: number): void {
  const { bavail, bsize } = statfsSync(disk);
  const blocks = Math.floor((bavail * bsize - left) / bsize);
  writeFileSync(ballast, Buffer.alloc(blocks * bsize, 1));
  if (left === 0) assert.throws(() => appendFileSync(ballast, Buffer.alloc(bsize, 1)), { code: 'ENOSPC' });
}
