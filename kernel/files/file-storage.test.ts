import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { reasonOf } from '../errors/define-errors.ts';
import { testS3Server } from '../testing/s3-server.ts';
import type { FileStorage } from './file-storage.ts';
import type { FilesSettings } from './files-config.ts';
import { openStorage, storageBelow } from './open-storage.ts';

const home = mkdtempSync(join(tmpdir(), 'mainstay-storage-'));
const s3 = await testS3Server();
after(async () => {
  rmSync(home, { recursive: true });
  await s3.stop();
});

async function* chunksOf(content: Uint8Array, size = 10_000) {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

async function* broken() {
  yield randomBytes(100_000);
  throw new Error('the sender left');
}

async function listed(storage: FileStorage, folder?: string) {
  const keys = [];
  for await (const { key } of storage.list(folder)) keys.push(key);
  return keys.sort();
}

const isMissing = (error: unknown) => reasonOf(error) === 'kernel.CONTENT_MISSING';

for (const [name, settings] of Object.entries({ disk: {}, s3: { s3: s3.settings } } satisfies Record<string, FilesSettings>)) {
  const dataFolder = join(home, name);
  const storage = openStorage(settings, dataFolder);
  const incoming = () => readdirSync(join(dataFolder, 'incoming'));

  test(`what is written is read back, whole and in parts (${name})`, async () => {
    const content = randomBytes(300_000);
    const sha256 = createHash('sha256').update(content).digest('hex');
    assert.deepEqual(await storage.write(`a/one/${sha256}`, chunksOf(content)), { size: 300_000, sha256 });
    assert.ok((await buffer(await storage.read(`a/one/${sha256}`))).equals(content));
    assert.deepEqual(await buffer(await storage.read(`a/one/${sha256}`, { start: 299_990, length: 10 })), content.subarray(-10));
    assert.deepEqual(await buffer(await storage.read(`a/one/${sha256}`, { start: 5, length: 2 })), content.subarray(5, 7));
    const found = await storage.find(`a/one/${sha256}`);
    assert.equal(found?.size, 300_000);
    assert.ok(Math.abs(found.modified.getTime() - Date.now()) < 60_000);
    assert.deepEqual(incoming(), []);
  });

  test(`empty content is content (${name})`, async () => {
    await storage.write('a/empty', chunksOf(new Uint8Array()));
    assert.equal((await storage.find('a/empty'))?.size, 0);
    assert.equal((await buffer(await storage.read('a/empty'))).length, 0);
  });

  test(`what breaks off leaves nothing, and neither does what is discarded (${name})`, async () => {
    await assert.rejects(storage.write('a/broken', broken()), /the sender left/);
    const received = await storage.receive(chunksOf(Buffer.from('hello')));
    assert.deepEqual([received.size, Buffer.from(received.head).toString()], [5, 'hello']);
    assert.equal(incoming().length, 1);
    await received.discard();
    assert.deepEqual(incoming(), []);
    assert.equal(await storage.find('a/broken'), undefined);
  });

  test(`what is not there is missing, and removing it is no error (${name})`, async () => {
    await assert.rejects(storage.read('a/nothing'), isMissing);
    assert.equal(await storage.find('a/nothing'), undefined);
    await storage.write('a/soon-gone', chunksOf(Buffer.from('x')));
    await storage.remove('a/soon-gone');
    await storage.remove('a/soon-gone');
    await assert.rejects(storage.read('a/soon-gone'), isMissing);
  });

  test(`contents are listed by folder, and a folder's view shows that folder alone (${name})`, async () => {
    for (const key of ['list/one/abc', 'list/one/abd', 'list/two/abc', 'listed/abc']) await storage.write(key, chunksOf(Buffer.from(key)));
    assert.deepEqual(await listed(storage, 'list'), ['list/one/abc', 'list/one/abd', 'list/two/abc']);
    assert.ok((await listed(storage)).includes('listed/abc'));
    assert.deepEqual(await listed(storage, 'nowhere'), []);
    const view = storageBelow(storage, 'list');
    assert.deepEqual(await listed(view), ['one/abc', 'one/abd', 'two/abc']);
    assert.deepEqual(await listed(view, 'two'), ['two/abc']);
    assert.equal((await buffer(await view.read('two/abc'))).toString(), 'list/two/abc');
    assert.equal((await view.find('two/abc'))?.key, 'two/abc');
    const received = await view.receive(chunksOf(Buffer.from('new')));
    await received.keep('two/new');
    assert.ok(await storage.find('list/two/new'));
    await view.remove('two/new');
    assert.equal(await storage.find('list/two/new'), undefined);
  });

  test(`a key cannot lead elsewhere (${name})`, async () => {
    for (const key of ['../a', '/a', 'a//b', 'a/../b', '', 'A', 'a.b', 'a/', 'a\0']) {
      await assert.rejects(storage.write(key, chunksOf(Buffer.from('x'))), /is not a storage key/);
      await assert.rejects(storage.read(key), /is not a storage key/);
      await assert.rejects(storage.remove(key), /is not a storage key/);
    }
    await assert.rejects(listed(storage, '..'), /is not a storage key/);
  });

  test(`only old remnants are removed (${name})`, async () => {
    const [old, fresh] = [join(dataFolder, 'incoming', 'old'), join(dataFolder, 'incoming', 'fresh')];
    for (const path of [old, fresh]) writeFileSync(path, 'left by a crash');
    utimesSync(old, 0, 0);
    await storage.removeRemnants(new Date(Date.now() - 3_600_000));
    assert.deepEqual([existsSync(old), existsSync(fresh)], [false, true]);
  });
}

test('on disk a content is private to the user of the process', async () => {
  const storage = openStorage({}, join(home, 'private'));
  await storage.write('org/abcdef', chunksOf(Buffer.from('x')));
  const path = join(home, 'private/files/org/ab/cdef');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(statSync(join(path, '..')).mode & 0o777, 0o700);
});

test('contents are all listed, also those behind the thousand that S3 lists at a time', async () => {
  const storage = openStorage({ s3: { ...s3.settings, prefix: 'many' } }, join(home, 'many'));
  const keys = Array.from({ length: 1003 }, (_, index) => `org/content-${index}`);
  await Promise.all(keys.map((key) => storage.write(key, chunksOf(Buffer.from(key)))));
  assert.deepEqual(await listed(storage), keys.toSorted());
});

test('what others put beside the contents is not listed', async () => {
  const dataFolder = join(home, 'foreign');
  const onDisk = openStorage({}, dataFolder);
  const inS3 = openStorage({ s3: { ...s3.settings, prefix: 'foreign' } }, dataFolder);
  for (const storage of [onDisk, inS3]) await storage.write('org/abcdef', chunksOf(Buffer.from('ours')));
  writeFileSync(join(dataFolder, 'files/org/.DS_Store'), 'theirs');
  const { S3Client, PutObjectCommand } = await import('@aws-sdk/client-s3');
  const { endpoint, region, bucket, accessKeyId, secretAccessKey } = s3.settings;
  const client = new S3Client({ endpoint, region, credentials: { accessKeyId, secretAccessKey }, forcePathStyle: true });
  for (const Key of ['foreign/Read me.txt', 'foreign/org/']) await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: 'theirs' }));
  client.destroy();
  assert.deepEqual([await listed(onDisk), await listed(inS3)], [['org/abcdef'], ['org/abcdef']]);
});

test('keys that S3 refuses are no missing content', async () => {
  const storage = openStorage({ s3: { ...s3.settings, secretAccessKey: 'wrong' } }, join(home, 'wrong'));
  await assert.rejects(storage.write('a/b', chunksOf(Buffer.from('x'))), { name: 'SignatureDoesNotMatch' });
  await assert.rejects(storage.read('a/b'), { name: 'SignatureDoesNotMatch' });
  assert.deepEqual(readdirSync(join(home, 'wrong/incoming')), []);
});

test('an S3 server that is away is said to be away', async () => {
  const storage = openStorage({ s3: { ...s3.settings, endpoint: 'http://127.0.0.1:9' } }, join(home, 'away'));
  await assert.rejects(storage.write('a/b', chunksOf(Buffer.from('x'))), (error) => reasonOf(error) === 'kernel.STORAGE_UNAVAILABLE');
});

const disk = mkdtempSync(join(tmpdir(), 'mainstay-small-disk-'));
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]).status === 0;
after(() => {
  if (mounted) spawnSync('umount', ['--lazy', disk]);
  rmSync(disk, { recursive: true });
});

test('on a full disk content is refused, leaves nothing, and what was there stays', { skip: mounted ? false : 'needs a root that may mount a tmpfs' }, async () => {
  const storage = openStorage({}, disk);
  await storage.write('a/before', chunksOf(randomBytes(100_000)));
  await assert.rejects(storage.write('a/large', chunksOf(randomBytes(4_000_000))), (error) => reasonOf(error) === 'kernel.STORAGE_FULL');
  assert.deepEqual(readdirSync(join(disk, 'incoming')), []);
  assert.deepEqual(await listed(storage), ['a/before']);
  await storage.write('a/after', chunksOf(randomBytes(100_000)));
  assert.equal((await storage.find('a/after'))?.size, 100_000);
});
