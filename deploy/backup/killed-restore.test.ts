import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { hash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type FileStorage, isOfRestore, openStorage, readRestoreNote } from '@mainstay/kernel/files';
import { testS3Server, until } from '@mainstay/kernel/testing';
import { drillDeployment, freePort, script } from '../testing/drill-deployment.ts';
import { callsAsAda, runBeside } from '../testing/use-deployment.ts';

async function keysIn(storage: FileStorage): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of storage.list()) if (!isOfRestore(key)) keys.push(key);
  return keys.sort();
}

test('after a restore into S3 was killed nothing starts there, and the next restore of any backup needs no force', async (t) => {
  const s3 = await testS3Server(['mainstay-one', 'mainstay-two']);
  t.after(s3.stop);
  const drill = await drillDeployment(t);
  const { accessKeyId, secretAccessKey, endpoint } = s3.settings;
  Object.assign(drill.env, { FILES_S3_ACCESS_KEY_ID: accessKeyId, FILES_S3_SECRET_ACCESS_KEY: secretAccessKey });
  const fileOf = (name: string, port: number, bucket: string) => {
    const file = join(drill.home, `${name}.yaml`);
    writeFileSync(file, `name: ${name}\nphase: T\nhttp:\n  port: ${port}\noperators:\n  port: 0\nfiles:\n  s3:\n    endpoint: ${endpoint}\n    bucket: ${bucket}\n    prefix: ${name}\nmodules:\n  sys-core:\n  sys-accounts:\n    passwordMemoryMib: 1\n  sys-email:\n  mod-promist:\n`);
    return file;
  };
  const run = async (wanted: number, ...args: string[]) => {
    const { status, output } = await runBeside(drill, ...args);
    assert.equal(status, wanted, output);
    return output;
  };
  const upload = async ({ send }: Awaited<ReturnType<typeof callsAsAda>>, count: number) => {
    const made = [];
    for (let each = 0; each < count; each++) {
      const body = randomBytes(50_000);
      made.push({ id: (await send('/v1/files?name=made.bin', { method: 'POST', body })).id!, sha256: hash('sha256', body) });
    }
    return made;
  };
  const [small, large] = [join(drill.home, 'small.backup'), join(drill.home, 'large.backup')];
  fileOf('drill', drill.port, 'mainstay-one');
  await run(0, 'up', '--detach', '--deployment', drill.file);
  const ada = await callsAsAda(drill.port);
  const kept = await upload(ada, 5);
  await run(0, 'backup', small, '--deployment', 'drill');
  await upload(ada, 100);
  await run(0, 'backup', large, '--deployment', 'drill');
  await run(0, 'down', '--deployment', 'drill');

  const port = await freePort();
  const two = fileOf('two', port, 'mainstay-two');
  const inTwo = openStorage({ s3: { ...s3.settings, bucket: 'mainstay-two', prefix: 'two' } }, join(drill.home, 'spool'));
  const killed = spawn(script, ['restore', large, '--deployment', two], { env: drill.env, stdio: 'ignore' });
  await until(async () => (await keysIn(inTwo)).length > 10, 'files are written');
  killed.kill('SIGKILL');
  await once(killed, 'exit');
  const left = await keysIn(inTwo);
  assert.ok(left.length < 105, 'it was killed before its end');

  assert.match(await run(1, 'up', '--detach', '--deployment', two), /the file storage holds a part of two only: a restore that began at .* run .\/mainstay restore again/);
  assert.deepEqual(await keysIn(inTwo), left);
  assert.match(await run(0, 'restore', small, '--deployment', two), /removed what a restore of two left there that was killed; it began at/);
  assert.equal((await keysIn(inTwo)).length, 5, 'what the killed one wrote is gone');
  assert.equal(await readRestoreNote(inTwo), undefined);

  await run(0, 'up', '--detach', '--deployment', two);
  const { fetchFile } = await callsAsAda(port);
  for (const { id, sha256 } of kept) assert.equal(hash('sha256', await fetchFile(id)), sha256);
  await run(0, 'down', '--deployment', 'two');
});
