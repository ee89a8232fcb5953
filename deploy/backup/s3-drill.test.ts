import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { type FileStorage, openStorage } from '@mainstay/kernel/files';
import { testS3Server, until } from '@mainstay/kernel/testing';
import { drillDeployment, freePort } from '../testing/drill-deployment.ts';
import { callsAsAda, makeLoad, runBeside } from '../testing/use-deployment.ts';
import { readBackup } from './read-backup.ts';

const deployment = (name: string, port: number, files: string) => `name: ${name}\nphase: T\nhttp:\n  port: ${port}\noperators:\n  port: 0\n${files}modules:\n  sys-core:\n  sys-accounts:\n    passwordMemoryMib: 1\n  sys-email:\n  mod-promist:\n`;

async function hashesIn(storage: FileStorage): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for await (const { key } of storage.list()) hashes[key] = hash('sha256', await buffer(await storage.read(key)));
  return hashes;
}

const hashesOf = async (backup: string) =>
  Object.fromEntries((await readBackup(backup, () => Promise.reject(new Error('it is not encrypted')))).manifest.files.map(({ key, sha256 }) => [key, sha256]));

test('files in S3 are backed up under load, and restored to another bucket, to disk, and from there to S3 again', async (t) => {
  const s3 = await testS3Server(['mainstay-one', 'mainstay-two']);
  let running = true;
  const stop = async () => { if (running) await s3.stop(); running = false; };
  t.after(stop);
  const drill = await drillDeployment(t);
  const { accessKeyId, secretAccessKey, endpoint } = s3.settings;
  Object.assign(drill.env, { FILES_S3_ACCESS_KEY_ID: accessKeyId, FILES_S3_SECRET_ACCESS_KEY: secretAccessKey });
  const run = (...args: string[]) => runBeside(drill, ...args);
  const section = (bucket: string, prefix: string) => `files:\n  s3:\n    endpoint: ${endpoint}\n    bucket: ${bucket}\n    prefix: ${prefix}\n`;
  const inS3 = (bucket: string, prefix: string) => openStorage({ s3: { ...s3.settings, bucket, prefix } }, join(drill.home, 'spool'));
  const fileOf = (name: string, port: number, files: string) => {
    writeFileSync(join(drill.home, `${name}.yaml`), deployment(name, port, files));
    return join(drill.home, `${name}.yaml`);
  };
  const succeeds = async (...args: string[]) => {
    const { status, output } = await run(...args);
    assert.equal(status, 0, output);
    return output;
  };
  const refused = async (what: RegExp, ...args: string[]) => {
    const { status, output } = await run(...args);
    assert.equal(status, 1, output);
    assert.match(output, what);
  };
  const [file, again] = [join(drill.home, 'a.backup'), join(drill.home, 'again.backup')];

  fileOf('drill', drill.port, section('mainstay-one', 'drill'));
  await succeeds('up', '--detach', '--deployment', drill.file);
  const load = makeLoad(await callsAsAda(drill.port));
  await until(() => load.kept.length > 20, 'files are kept');
  const before = [...load.kept];
  await succeeds('backup', file, '--deployment', 'drill');
  await load.stop();
  const backedUp = await hashesOf(file);
  for (const { sha256 } of before) assert.ok(Object.values(backedUp).includes(sha256), 'what was acknowledged before the backup began is in it');

  await refused(/the files of drill lie in S3, and copy needs a place of its own.*--deployment FILE instead of --into/, 'restore', file, '--into', 'copy');
  await refused(/below drill\/ holds files already; name another/, 'restore', file, '--deployment', fileOf('thief', 0, section('mainstay-one', 'drill')));
  assert.deepEqual(readdirSync(drill.home).filter((name) => /^(copy|thief|\.restoring.*)$/.test(name)), []);

  const port = await freePort();
  const two = fileOf('two', port, section('mainstay-two', 'two'));
  assert.match(await succeeds('restore', file, '--deployment', two), /files are equal, the files in the bucket mainstay-two at .*two\//);
  assert.deepEqual(await hashesIn(inS3('mainstay-two', 'two')), backedUp);
  await succeeds('up', '--detach', '--deployment', two);
  const { fetchFile } = await callsAsAda(port);
  for (const { id, sha256 } of before) assert.equal(hash('sha256', await fetchFile(id)), sha256);

  const disk = fileOf('disk', 0, '');
  await succeeds('restore', file, '--deployment', disk);
  assert.deepEqual(await hashesIn(openStorage({}, join(drill.home, 'disk/data-files'))), backedUp);
  await succeeds('backup', again, '--deployment', disk);
  const three = fileOf('three', 0, section('mainstay-two', 'three'));
  await succeeds('restore', again, '--deployment', three);
  assert.deepEqual(await hashesIn(inS3('mainstay-two', 'three')), backedUp);
  assert.deepEqual(await hashesIn(inS3('mainstay-two', 'two')), backedUp);

  await stop();
  await refused(/drill was not backed up: the bucket mainstay-one at .* can't be reached \(.*ECONNREFUSED/, 'backup', join(drill.home, 'never.backup'), '--deployment', 'drill');
  assert.ok(!existsSync(join(drill.home, 'never.backup')));
  await refused(/the bucket mainstay-two at .* can't be reached/, 'restore', file, '--deployment', fileOf('four', 0, section('mainstay-two', 'four')));
  assert.ok(!existsSync(join(drill.home, 'four')));
});
