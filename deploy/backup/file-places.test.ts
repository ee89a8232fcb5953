import assert from 'node:assert/strict';
import { hash, randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { after, test, type TestContext } from 'node:test';
import { connectionConfig, withClient } from '@mainstay/kernel/administration';
import type { Logger } from '@mainstay/kernel';
import { type FileStorage, type FilesSettings, isOfRestore, openStorage, readRestoreNote, requireNoHalfRestore, type RestoreNote } from '@mainstay/kernel/files';
import { testDatabase, testS3Server } from '@mainstay/kernel/testing';
import { OperatorError } from '../controller/operator-error.ts';
import { specimenDeployment } from '../testing/specimen-backup.ts';
import { explainedStorage } from './explained-storage.ts';
import { noteRestore, removeRemnant } from './noted-restore.ts';
import { readBackup } from './read-backup.ts';
import { requireReadable, requireRoomFor } from './require-storage.ts';
import { restoreDatabase } from './restore-database.ts';
import { type PlacedStorage, storageOf } from './storage-of.ts';
import { writeContent } from './write-content.ts';

const home = mkdtempSync(join(tmpdir(), 'mainstay-places-'));
const s3 = await testS3Server(['mainstay-one', 'mainstay-two']);
after(async () => {
  rmSync(home, { recursive: true });
  await s3.stop();
});

const nobody = async () => { throw new Error('the backup is not encrypted'); };
const table = 'create table mod_specimen_notes (id int primary key)';
let places = 0;
const inBucket = (bucket: string): FilesSettings => ({ s3: { ...s3.settings, bucket, prefix: `place-${++places}` } });

/** Every content by its key. */
async function contentsOf(storage: FileStorage): Promise<Record<string, string>> {
  const contents: Record<string, string> = {};
  for await (const { key } of storage.list()) contents[key] = hash('sha256', await buffer(await storage.read(key)));
  return contents;
}

/** Keeps contents under their hash, as the platform does; gives them by their key. */
async function fill(storage: FileStorage, contents: readonly Buffer[]): Promise<Record<string, string>> {
  const hashes = contents.map((content) => hash('sha256', content));
  for (const [index, sha256] of hashes.entries()) await storage.write(`sys-core/org-${index % 2}/${sha256}`, Readable.from([contents[index]!]));
  return Object.fromEntries(hashes.map((sha256, index) => [`sys-core/org-${index % 2}/${sha256}`, sha256]));
}

/** Every content that is no note of a restore, by its key. */
const filesOf = async (storage: FileStorage) => Object.fromEntries(Object.entries(await contentsOf(storage)).filter(([key]) => !isOfRestore(key)));

const keysOf = (contents: readonly Buffer[]): string[] => contents.map((content, index) => `sys-core/org-${index % 2}/${hash('sha256', content)}`);

/** A restore of these contents whose storage does nothing more for it once it has written the first of them; gives its note. */
async function diesIn(storage: PlacedStorage, contents: readonly Buffer[], written: number): Promise<RestoreNote> {
  let dead = false;
  const living = <A extends unknown[], R>(act: (...given: A) => Promise<R>) => async (...given: A): Promise<R> => (dead ? Promise.reject(new Error('dead')) : act(...given));
  const { find, read, write, remove } = storage;
  const { storage: target } = await noteRestore({ ...storage, find: living(find), read: living(read), write: living(write), remove: living(remove) }, 'placed', keysOf(contents));
  await fill(target, contents.slice(0, written));
  dead = true;
  return (await readRestoreNote(storage))!;
}

async function restoreInto(t: TestContext, specimen: Awaited<ReturnType<typeof specimenDeployment>>, file: string, storage: FileStorage) {
  const { adminUrl, name: database, drop } = await testDatabase();
  t.after(drop);
  const { deployment } = await readBackup(file, nobody);
  return restoreDatabase({ file, passphrase: nobody, deployment, adminUrl, database, secret: 'f'.repeat(64), modules: [specimen.module], storage, onProgress: () => {} });
}

const kinds: Record<string, [FilesSettings, FilesSettings]> = {
  'disk → S3': [{}, inBucket('mainstay-one')],
  'S3 → disk': [inBucket('mainstay-one'), {}],
  'S3 → another bucket': [inBucket('mainstay-one'), inBucket('mainstay-two')],
};

for (const [name, [from, to]] of Object.entries(kinds)) {
  test(`every file comes back as it was, ${name}`, async (t) => {
    const specimen = await specimenDeployment(t, table, from);
    const kept = await fill(specimen.storage, [0, 1, 100, 256 * 1024, 256 * 1024 + 1, 3_000_000].map((size) => randomBytes(size)));
    assert.deepEqual(await contentsOf(specimen.storage), kept);
    const file = join(specimen.folder, 'backup');
    assert.equal((await specimen.backUp(file)).files.length, 6);
    const target = openStorage(to, join(specimen.folder, 'restored-files'));
    await restoreInto(t, specimen, file, target);
    assert.deepEqual(await contentsOf(target), kept);
  });
}

test('a storage that gives back another content than it was given is told by its key', async (t) => {
  const specimen = await specimenDeployment(t, table);
  const [key] = Object.keys(await fill(specimen.storage, [Buffer.from('right')]));
  const file = join(specimen.folder, 'backup');
  await specimen.backUp(file);
  const target = openStorage(inBucket('mainstay-two'), join(specimen.folder, 'restored-files'));
  const forgetful = { ...explainedStorage(target, 'a place'), write: (at: string) => target.write(at, Readable.from([Buffer.from('wrong')])) };
  await assert.rejects(restoreInto(t, specimen, file, forgetful), new RegExp(`these files are not what was backed up.*${key}`));
});

/** The storage of a deployment file with this section "files". */
function placed(files: string, environment: NodeJS.ProcessEnv = { FILES_S3_ACCESS_KEY_ID: 'S3RVER', FILES_S3_SECRET_ACCESS_KEY: 'S3RVER' }) {
  const file = join(home, `${++places}.yaml`);
  writeFileSync(file, `name: placed\nphase: T\n${files}`);
  return storageOf(file, join(home, 'data-files'), environment);
}

const section = ({ endpoint = s3.settings.endpoint, bucket = 'mainstay-one', prefix = `place-${++places}` }) => `files:\n  s3:\n    endpoint: ${endpoint}\n    bucket: ${bucket}\n    prefix: ${prefix}\n`;

test('why a storage can not be used is said before anything is done, with its place', async () => {
  const refused = (files: string, what: RegExp, environment?: NodeJS.ProcessEnv) => {
    const checks = [requireReadable, requireRoomFor].map((check) =>
      assert.rejects(async () => check(placed(files, environment)), (error: Error) => { assert.match(error.message, what); return true; }));
    return Promise.all(checks);
  };
  await refused(section({ endpoint: 'http://127.0.0.1:9' }), /^the bucket mainstay-one at http:\/\/127\.0\.0\.1:9, below place-\d+\/ can't be reached \(.*ECONNREFUSED.*\); see that it runs/);
  await refused(section({ endpoint: 'http://nowhere.invalid' }), /can't be reached \(.*nowhere\.invalid.*\)/);
  await refused(section({ bucket: 'mainstay-none' }), /^the bucket mainstay-none .* is not there: make the bucket, or correct files\.s3\.bucket/);
  await refused(section({}), /refuses the keys in FILES_S3_ACCESS_KEY_ID and FILES_S3_SECRET_ACCESS_KEY/, { FILES_S3_ACCESS_KEY_ID: 'S3RVER', FILES_S3_SECRET_ACCESS_KEY: 'wrong' });
  await refused(section({}), /files\.s3 needs the environment variable FILES_S3_SECRET_ACCESS_KEY/, { FILES_S3_ACCESS_KEY_ID: 'S3RVER' });
  await refused('files:\n  s3:\n    endpoint: ftp://x\n    bucket: mainstay-one\n', /\d+\.yaml: files\.s3\.endpoint: /);
  await refused('files: [', /\d+\.yaml: not valid YAML/);
});

test('a place that holds files is no place to restore into, unless that is wished', async () => {
  const storage = placed(section({}));
  await requireRoomFor(storage);
  assert.deepEqual(await contentsOf(storage), {});
  const kept = await fill(storage, [Buffer.from('of somebody')]);
  await assert.rejects(requireRoomFor(storage), /below place-\d+\/ holds files already; name another with --deployment FILE/);
  await requireRoomFor(storage, true);
  assert.deepEqual(await contentsOf(storage), kept);
});

test('what a failed restore wrote is removed again, and what was there stays', async () => {
  const storage = placed(section({}));
  const before = await fill(storage, [Buffer.from('before'), Buffer.from('also before')]);
  const restored = [Buffer.from('before'), Buffer.from('new'), randomBytes(100_000)];
  const { storage: target, undo } = await noteRestore(storage, 'placed', keysOf(restored));
  await fill(target, restored);
  assert.equal(Object.keys(await filesOf(storage)).length, 4);
  await undo();
  assert.deepEqual(await contentsOf(storage), before);
});

test('what a killed restore wrote is removed by the next, with what was there and what came since left alone', async () => {
  const storage = placed(section({}));
  const before = await fill(storage, [Buffer.from('before')]);
  const restored = [Buffer.from('before'), Buffer.from('new'), Buffer.from('never written')];
  const note = await diesIn(storage, restored, 2);
  const [since] = Object.entries(await fill(storage, [Buffer.from('since')]));
  assert.deepEqual(await removeRemnant(storage, () => {}), note);
  assert.deepEqual(await contentsOf(storage), { ...before, ...Object.fromEntries([since!]) });
  assert.equal(await removeRemnant(storage, () => {}), undefined);
});

test('a restore that still runs keeps its place', async () => {
  const storage = placed(section({}));
  const { proved } = await noteRestore(storage, 'placed', []);
  await assert.rejects(removeRemnant(storage, () => {}), /below place-\d+\/ is written to by a restore of placed that began at .*; wait for its end/);
  await proved();
  assert.deepEqual(await contentsOf(storage), {});
});

test('a restore that slept while another took its place writes no more, and takes nothing away', async () => {
  const storage = placed(section({}));
  const slept = await noteRestore(storage, 'placed', keysOf([Buffer.from('both have it')]));
  const other = await diesIn(storage, [Buffer.from('both have it')], 1);
  await assert.rejects(slept.proved(), /below place-\d+\/ was taken over by another restore/);
  await assert.rejects(fill(slept.storage, [Buffer.from('too late')]), /was taken over by another restore/);
  await slept.undo();
  assert.deepEqual(await readRestoreNote(storage), other);
  assert.equal(Object.keys(await filesOf(storage)).length, 1);
});

test('a deployment does not start upon a part of its files, but does upon all of them and where nothing can be asked', async () => {
  const logged: string[] = [];
  const log = { warn: (_: object, text: string) => logged.push(text) } as unknown as Logger;
  const [empty, used] = [placed(section({})), placed(section({}))];
  await fill(used, [Buffer.from('before')]);
  await diesIn(empty, [Buffer.from('a'), Buffer.from('b')], 1);
  await diesIn(used, [Buffer.from('a'), Buffer.from('b')], 1);
  await assert.rejects(requireNoHalfRestore(empty, log), /the file storage holds a part of placed only: a restore that began at .* run \.\/mainstay restore again/);
  await requireNoHalfRestore(used, log);
  assert.deepEqual(logged, []);
  await requireNoHalfRestore(placed(section({ endpoint: 'http://127.0.0.1:9' })), log);
  assert.deepEqual(logged, ['the file storage can not be asked whether a restore into it came to its end']);
});

test('a storage that goes away while it is read ends the backup with its place, and leaves no file', async (t) => {
  const other = await testS3Server();
  const { settings: { endpoint, bucket } } = other;
  const specimen = await specimenDeployment(t, table);
  const storage = placed(section({ endpoint, bucket }));
  await storage.write('sys-core/large', Readable.from([randomBytes(40_000_000)]));
  const read = async () => withClient(connectionConfig(specimen.adminUrl, { database: specimen.database }), async (client) => {
    let started = false;
    for await (const piece of writeContent({ client, storage, config: '' }, () => {})) {
      if (started || !piece.includes('"kind":"file"')) continue;
      started = true;
      void other.stop();
    }
  });
  await assert.rejects(read(), (error: Error) => {
    assert.ok(error instanceof OperatorError);
    assert.match(error.message, /bucket mainstay-test at http.*(broke off|can't be reached)/);
    return true;
  });
  assert.ok(!existsSync(join(specimen.folder, 'backup')));
});

test('a large file in S3 takes no more memory than a small one', async (t) => {
  const specimen = await specimenDeployment(t, table, inBucket('mainstay-one'));
  const target = openStorage(inBucket('mainstay-two'), join(specimen.folder, 'restored-files'));
  const bytes = 300_000_000;
  const piece = randomBytes(1_000_000);
  await specimen.storage.write('sys-core/large', Readable.from((function* () { for (let sent = 0; sent < bytes; sent += piece.length) yield piece; })()));
  global.gc?.();
  const before = process.memoryUsage().rss;
  let most = before;
  const timer = setInterval(() => { most = Math.max(most, process.memoryUsage().rss); }, 5);
  const file = join(specimen.folder, 'backup');
  await specimen.backUp(file);
  await restoreInto(t, specimen, file, target);
  clearInterval(timer);
  assert.equal((await target.find('sys-core/large'))?.size, bytes);
  t.diagnostic(`${Math.round((most - before) / 1e6)} MB more for a file of ${bytes / 1e6} MB`);
  assert.ok(most - before < 220e6, `${most - before} bytes`);
});
