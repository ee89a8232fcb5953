import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

const MEBIBYTE = 1024 * 1024;

/** Why a test with a small disk is left out here; false where it can run. */
export const withoutMount: string | false = canMount() ? false : 'needs the engine mount: a root that may mount a tmpfs';

function canMount(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'mf-mount-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder]).status === 0;
  if (mounted) spawnSync('umount', [folder]);
  rmSync(folder, { recursive: true });
  return mounted;
}

/** A disk of so many MiB, in a folder of its own or in the one that is named; gone after the test. */
export function mountSmallDisk(t: TestContext, mebibytes: number, folder = mkdtempSync(join(tmpdir(), 'mf-disk-'))): string {
  assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m,mode=700`, 'tmpfs', folder]).status, 0);
  t.after(() => {
    spawnSync('umount', ['--lazy', folder]);
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Takes what room there is, to the last page. */
export function fill(file: string, disk: string): void {
  writeFileSync(file, '', { flag: 'a' });
  for (let size = 16 * MEBIBYTE; size >= 4096; size /= 2) {
    const { bavail, bsize } = statfsSync(disk);
    if (bavail * bsize < size) continue;
    try {
      appendFileSync(file, Buffer.alloc(size, 1));
      size *= 2;
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
}
