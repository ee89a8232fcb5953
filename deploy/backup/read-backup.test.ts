import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import fc from 'fast-check';
import { specimenDeployment, specimenHeader } from '../testing/specimen-backup.ts';
import { OperatorError } from '../controller/operator-error.ts';
import { backUp as backUpDeployment } from './back-up.ts';
import { formatVersion } from './backup-format.ts';
import { readBackup } from './read-backup.ts';
import { sealFile } from './seal-file.ts';

const passphrase = 'four words nobody guesses';

async function backedUp(t: TestContext) {
  const deployment = await specimenDeployment(t, `create table mod_specimen_notes (id int primary key, text text); insert into mod_specimen_notes select n, repeat('note ' || n, 20) from generate_series(1, 500) n`);
  await deployment.storage.write('sys-core/ab12', [randomBytes(3000)]  as unknown as AsyncIterable<Uint8Array>);
  const [plain, sealed] = [join(deployment.folder, 'plain'), join(deployment.folder, 'sealed')];
  const manifest = await deployment.backUp(plain);
  await deployment.backUp(sealed, { passphrase });
  return { ...deployment, plain, sealed, manifest };
}

const read = (file: string, given = passphrase) => readBackup(file, async () => given);

/** Damages a copy in many random ways; each must be refused, with a message for the operator. */
async function refusesDamage(file: string, runs: number): Promise<void> {
  const whole = readFileSync(file);
  const copy = `${file}.damaged`;
  const refused = async (bytes: Buffer) => {
    writeFileSync(copy, bytes);
    await assert.rejects(read(copy), OperatorError);
  };
  await fc.assert(fc.asyncProperty(fc.nat(whole.length - 1), (length) => refused(whole.subarray(0, length))), { numRuns: runs });
  await fc.assert(fc.asyncProperty(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (place, change) => {
    const bytes = Buffer.from(whole);
    bytes[place]! ^= change;
    return refused(bytes);
  }), { numRuns: runs });
  await fc.assert(fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 100 }), (more) => refused(Buffer.concat([whole, more]))), { numRuns: 20 });
}

test('a backup says what it holds', async (t) => {
  const { plain, sealed, manifest } = await backedUp(t);
  for (const [file, encrypted] of [[plain, false], [sealed, true]] as const) {
    const contents = await read(file);
    assert.equal(contents.encrypted, encrypted);
    assert.equal(contents.header.deployment, 'specimen');
    assert.deepEqual(contents.manifest, manifest);
    assert.deepEqual(contents.deployment.modules.map(({ module, migrations }) => [module, migrations.length]), [['mod-specimen', 1]]);
  }
  assert.equal(manifest.tables.find(({ name }) => name === 'mod_specimen_notes')!.rows, 500);
  assert.deepEqual(manifest.files.map(({ key, bytes }) => [key, bytes]), [['sys-core/ab12', 3000]]);
});

test('a backup that was cut off, or of which any byte was changed, is refused', async (t) => {
  const { plain, sealed } = await backedUp(t);
  await refusesDamage(plain, 150);
  await refusesDamage(sealed, 50);
});

test('an encrypted backup shows nothing of what it holds, and is refused with another passphrase', async (t) => {
  const { sealed } = await backedUp(t);
  assert.doesNotMatch(readFileSync(sealed, 'latin1'), /mainstay|specimen|note/);
  await assert.rejects(read(sealed, 'five words somebody guesses wrong'), /the passphrase of .* is wrong/);
});

test('a file of a newer format is refused, and so is what is no backup', async (t) => {
  const { folder, backUp } = await backedUp(t);
  const file = join(folder, 'other');
  await backUp(file, { header: { version: formatVersion + 1, platform: '9.0.0' } });
  await assert.rejects(read(file), /was made by a newer version \(Mainstay 9\.0\.0\)/);
  for (const content of ['', 'mai', 'a letter to a friend', '\u0000'.repeat(100)]) {
    writeFileSync(file, content);
    await assert.rejects(read(file), /is not a backup of Mainstay/);
  }
  await assert.rejects(read(join(folder, 'nowhere')), /there is no such file/);
});

test('a backup of many rows takes no more memory than one of few', async (t) => {
  const { folder, backUp, ask } = await specimenDeployment(t, 'create table mod_specimen_notes (id int primary key, text text)');
  const file = join(folder, 'backup');
  const peak = async () => {
    global.gc?.();
    const before = process.memoryUsage().rss;
    let most = before;
    const timer = setInterval(() => { most = Math.max(most, process.memoryUsage().rss); }, 5);
    const { tables } = await backUp(file);
    const contents = await read(file);
    clearInterval(timer);
    assert.deepEqual(contents.manifest.tables, tables);
    return { grown: most - before, rows: tables.find(({ name }) => name === 'mod_specimen_notes')!.rows };
  };
  await peak();
  await ask(`insert into mod_specimen.mod_specimen_notes select n, repeat(md5(n::text), 30) from generate_series(1, 150000) n`);
  const { grown, rows } = await peak();
  assert.equal(rows, 150_000);
  t.diagnostic(`${Math.round(grown / 1e6)} MB more for 150 MB of rows`);
  assert.ok(grown < 100e6, `${grown} bytes`);
});

test('a backup that can not be written leaves no file, and says why', async (t) => {
  const { folder, backUp } = await specimenDeployment(t, 'create table mod_specimen_notes (id int primary key)');
  const file = join(folder, 'backup');
  const files = readdirSync(folder);
  mkdirSync(`${file}.partial`);
  await assert.rejects(backUp(file), /EISDIR/);
  rmSync(`${file}.partial`, { recursive: true });
  const lost = async function* () {
    for (let piece = 0; piece < 50; piece++) yield randomBytes(100_000);
    assert.ok(existsSync(`${file}.partial`));
    throw new Error('the database is gone');
  };
  await assert.rejects(sealFile(file, lost(), { header: specimenHeader }), /the database is gone/);
  await assert.rejects(sealFile(file, lost(), { header: specimenHeader, passphrase, workFactor: 1 }), /the database is gone/);
  assert.deepEqual(readdirSync(folder), files);
});

test('of two backups to one file the second is refused, and the first is whole', async (t) => {
  const { folder } = await specimenDeployment(t, 'create table mod_specimen_notes (id int primary key)');
  const file = join(folder, 'backup');
  const [begun, mayEnd] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const slow = async function* () {
    begun.resolve();
    yield Buffer.from('first');
    await mayEnd.promise;
  };
  const fast = async function* () { yield Buffer.from('second'); };
  const first = sealFile(file, slow(), { header: specimenHeader });
  await begun.promise;
  await assert.rejects(sealFile(join(folder, '.', 'backup'), fast(), { header: specimenHeader }), /another backup is being written to .*backup; wait for its end/);
  mayEnd.resolve();
  await first;
  assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith('backup')), ['backup']);
  await sealFile(file, fast(), { header: specimenHeader });
});

test('a backup does not take the place of a folder, a device or a pipe, even by force', async (t) => {
  const { folder } = await specimenDeployment(t, 'create table mod_specimen_notes (id int primary key)');
  const pipe = join(folder, 'pipe');
  assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
  const steps = { step: () => assert.fail('nothing is begun'), line() {} };
  await assert.rejects(backUpDeployment({ file: pipe, force: true }, steps), /pipe is no regular file/);
  await assert.rejects(backUpDeployment({ file: folder, force: true }, steps), /is a folder; name a file in it/);
  assert.ok(statSync(pipe).isFIFO());
});
