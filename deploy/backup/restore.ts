import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { parseEnv } from 'node:util';
import type { Module } from '@mainstay/kernel';
import { databaseOf } from '@mainstay/kernel/administration';
import type { FileStorage } from '@mainstay/kernel/files';
import { databaseNameOf, databaseVariable, findPlacementFile } from '@mainstay/kernel/placement';
import { findRunning, startEmbeddedPostgres, stopEmbeddedPostgres } from '@mainstay/kernel/postgres';
import { withStartLock } from '@mainstay/kernel/start-lock';
import { writePlacement } from '../controller/chosen-placement.ts';
import { deploymentFileIn, findDeploymentFile, nameIn } from '../controller/deployment-file.ts';
import { tellingFullDisk } from '../controller/full-disk.ts';
import { OperatorError } from '../controller/operator-error.ts';
import { replaceFile } from '../controller/replace-file.ts';
import { currentRun } from '../controller/run-record.ts';
import { deploymentEnvironment, makeSecrets } from '../controller/secrets.ts';
import { makeStateFolder, type StateFolder, stateFolder } from '../controller/state-folder.ts';
import type { Steps } from '../controller/steps.ts';
import type { BackedUpPlacement } from './backup-format.ts';
import { checkBuild } from './check-build.ts';
import type { ComparedTable } from './load-database.ts';
import { noteRestore, removeRemnant } from './noted-restore.ts';
import { type BackupContents, readBackup } from './read-backup.ts';
import { requireReadable, requireRoomFor } from './require-storage.ts';
import { restoreDatabase } from './restore-database.ts';
import { type NameOf, requireEmptyDatabase, withPath, withSpareDatabase } from './spare-database.ts';
import { syncFolder } from './seal-file.ts';
import { namesS3, type PlacedStorage, storageOf } from './storage-of.ts';

export interface RestoreOptions {
  file: string;
  /** The name of the restored deployment; the backup's if absent. */
  into?: string;
  /** The name or the file of a deployment whose file counts instead of the one in the backup: for its name, and for where its files go. */
  deployment?: string;
  /** Puts what is there aside. */
  force?: boolean;
  /** Asked once if the backup is encrypted. */
  passphrase: () => Promise<string>;
  /** Every module of the build. */
  modules: readonly Module[];
}

/** A deployment that was restored and proved equal. */
export interface RestoredDeployment {
  backup: BackupContents;
  name: string;
  tables: ComparedTable[];
  /** Its deployment file. */
  config: string;
  /** Where its files lie now. */
  filesIn: string;
  /** What was there before, if anything was. */
  putAside: string[];
}

/**
 * Restores a backup. First the whole file is checked; then everything is made beside its place, and moved there at the end, so
 * until then the target is as it was. Throws an `OperatorError` if that can't be done.
 */
export async function restore(options: RestoreOptions, steps: Steps): Promise<RestoredDeployment> {
  const passphrase = once(options.passphrase);
  const own = ownFile(options);
  if (options.into !== undefined) checkName(options.into);
  const backup = await steps.step(`checking ${options.file}`, () => readBackup(options.file, passphrase));
  await checkBuild(backup, options.modules);
  const name = own?.name ?? checkName(options.into ?? backup.header.deployment);
  const folder = stateFolder(name);
  if (!own) requireOwnPlace(options.file, backup, name);
  requireOneServer(folder, backup);
  await requireRestorable(folder, backup, options.force);
  return withStartLock(`restore ${folder.directory}`, async () => {
    // Another restore may have been here first.
    await requireRestorable(folder, backup, options.force);
    const beside = stateFolder(`.restoring-${name}`);
    await removeRemnants(beside);
    try {
      return await tellingFullDisk(dirname(folder.directory), () => make({ ...options, passphrase }, steps, { backup, folder, beside, name, own }));
    } finally {
      await removeRemnants(beside);
    }
  });
}

interface Making {
  backup: BackupContents;
  folder: StateFolder;
  /** Where it is made. */
  beside: StateFolder;
  name: string;
  own: { name: string; file: string } | undefined;
}

/** Makes the deployment beside its place, and moves it there. */
async function make(options: RestoreOptions, steps: Steps, { backup, folder, beside, name, own }: Making): Promise<RestoredDeployment> {
  prepare(beside, folder, backup, own ?? { name });
  const placed = storageOf(own?.file ?? deploymentFileIn(beside), beside.dataFiles, deploymentEnvironment(beside), own?.file ?? inBackup(options.file));
  const { tables, databases } = await withStorage(placed, { name, keys: backup.manifest.files.map(({ key }) => key), force: options.force }, steps, (storage, proved) =>
    steps.step(`restoring ${name}`, (say) => fill(beside, folder, { ...options, backup, storage, proved, say })));
  const putAside = [...databases, ...(await moveIntoPlace(beside, folder, backup, options.force))];
  return { backup, name, tables, config: own?.file ?? deploymentFileIn(folder), filesIn: placed.inS3 ? placed.place : folder.dataFiles, putAside };
}

const inBackup = (file: string) => `the deployment file in ${file}`;

/** The deployment file that counts instead of the backup's. */
function ownFile({ deployment, into }: RestoreOptions): { name: string; file: string } | undefined {
  if (deployment === undefined) return undefined;
  if (into !== undefined) throw new OperatorError('--into and --deployment both name the restored deployment; give one of them');
  const file = findDeploymentFile(deployment);
  const name = nameIn(file);
  if (!name) throw new OperatorError(`${file}: "name" is missing or wrong; it names the restored deployment`);
  return { name, file };
}

/** Each of two deployments with one place for their files would remove those of the other as unused. */
function requireOwnPlace(file: string, { header, deployment }: BackupContents, name: string): void {
  if (name === header.deployment || !namesS3(inBackup(file), deployment.config)) return;
  throw new OperatorError(`the files of ${header.deployment} lie in S3, and ${name} needs a place of its own for them: write a deployment file with another section "files", and name it with --deployment FILE instead of --into`);
}

interface Placing {
  name: string;
  keys: string[];
  force?: boolean;
}

/** A bucket has no place beside its place: what was written there is removed again if the work fails, and by the next restore if this one is killed. */
async function withStorage<T>(placed: PlacedStorage, { name, keys, force }: Placing, steps: Steps, work: (storage: PlacedStorage, proved: () => Promise<void>) => Promise<T>): Promise<T> {
  if (!placed.inS3) return work(placed, async () => {});
  const remnant = await steps.step(`asking ${placed.place}`, async (say) => {
    // A list says why it is refused; a question for one object does not.
    await requireReadable(placed);
    return removeRemnant(placed, say);
  });
  if (remnant) steps.line(`removed what a restore of ${remnant.deployment} left there that was killed; it began at ${remnant.began} on ${remnant.host}`);
  await requireRoomFor(placed, force);
  const { storage, proved, undo } = await noteRestore(placed, name, keys);
  try {
    return await work(storage, proved);
  } catch (error) {
    await undo().catch((problem: Error) => { throw new OperatorError(`${(error as Error).message}\nand the files that were written by then are left behind, for the next restore to remove: ${problem.message}`, { cause: error }); });
    throw error;
  }
}

function checkName(name: string): string {
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(name)) throw new OperatorError(`"${name}" can't be a deployment's name; it must start with a letter and hold at most 31 lower-case letters, digits and hyphens`);
  return name;
}

async function requireRestorable(folder: StateFolder, backup: BackupContents, force = false): Promise<void> {
  if (currentRun(folder) ?? findRunning(folder.postgres)) throw new OperatorError(`${folder.name} is running; stop it with ./mainstay down --deployment ${folder.name}`);
  if (!force && [folder.postgres, folder.dataFiles].some(holdsAnything)) throw new OperatorError(`${folder.name} is not empty; restore into another with --into NAME, or put what is there aside with --force`);
  const { DATABASE_URL: url } = process.env;
  if (!url || force) return;
  for (const database of ['', ...othersIn(backup)]) await requireEmptyDatabase(withPath(url, databaseNameOf(databaseOf(url), { database })));
}

const othersIn = ({ deployment }: BackupContents): string[] => (deployment.databases ?? []).map(({ database }) => database);

/** All databases get their names in one transaction, which no two servers share. */
function requireOneServer(folder: StateFolder, backup: BackupContents): void {
  const environment = deploymentEnvironment(folder);
  const set = othersIn(backup).map(databaseVariable).filter((variable) => environment[variable]);
  if (set.length > 0) throw new OperatorError(`a backup is restored on one server, the one that DATABASE_URL names, with all its databases, so that they come into their places at once: restore without ${set.join(', ')}, then move what belongs on another server with PostgreSQL's own pg_dump and pg_restore, and set that again before ./mainstay up`);
}

const holdsAnything = (folder: string) => existsSync(folder) && readdirSync(folder).length > 0;

/** What a restore left that was killed. */
async function removeRemnants(beside: StateFolder): Promise<void> {
  if (existsSync(beside.postgres)) await stopEmbeddedPostgres(beside.postgres);
  await rm(beside.directory, { recursive: true, force: true });
}

/** The files of the state folder, but not its data. */
function prepare(beside: StateFolder, folder: StateFolder, { deployment }: BackupContents, { name, file }: { name: string; file?: string }): void {
  makeStateFolder(beside);
  const kept = existsSync(folder.secrets) ? parseEnv(readFileSync(folder.secrets, 'utf8')) : {};
  const brought = parseEnv(deployment.secrets ?? '');
  // The keys of another place for files are those that lie here; what seals the data comes with it.
  const secrets = file === undefined ? { ...kept, ...brought } : { ...brought, ...kept, ...(brought.MAINSTAY_SECRET && { MAINSTAY_SECRET: brought.MAINSTAY_SECRET }) };
  if (Object.keys(secrets).length > 0) replaceFile(beside.secrets, Object.entries(secrets).map(([key, value]) => `${key}=${JSON.stringify(value)}\n`).join(''));
  if (!secrets.MAINSTAY_SECRET) makeSecrets(beside);
  const { placement } = deployment;
  if (placement) keepRestored(beside, folder, placement);
  if (file === undefined) writeFileSync(deploymentFileIn(beside), deployment.config.replace(/^name:.*$/m, `name: ${name}`), { mode: 0o600 });
}

/** A placement of the project is taken by its name; any other, and one that differs by now, comes with its file. */
function keepRestored(beside: StateFolder, folder: StateFolder, { placement, text, homes }: BackedUpPlacement): void {
  const isKnown = text === undefined || (!/[/.]/.test(placement) && fileOf(placement) === text);
  if (!isKnown) writeFileSync(join(beside.directory, 'placement.yaml'), text, { mode: 0o600 });
  writePlacement(beside, { placement: isKnown ? placement : join(folder.directory, 'placement.yaml'), homes });
}

function fileOf(placement: string): string | undefined {
  try {
    return readFileSync(findPlacementFile(placement), 'utf8');
  } catch {
    return undefined;
  }
}

interface Filling extends RestoreOptions {
  backup: BackupContents;
  storage: FileStorage;
  /** Called when tables and files are equal, before anything is moved into its place. */
  proved: () => Promise<void>;
  say: (detail: string) => void;
}

async function fill(beside: StateFolder, folder: StateFolder, { file, passphrase, modules, backup, storage, proved, force = false, say }: Filling): Promise<{ tables: ComparedTable[]; databases: string[] }> {
  const into = { file, passphrase, deployment: backup.deployment, secret: deploymentEnvironment(beside).MAINSTAY_SECRET!, modules, storage, onProgress: say };
  const fillDatabase = async (adminUrl: string, database: string, nameOf?: NameOf) => {
    const tables = await restoreDatabase({ ...into, adminUrl, database, ...(nameOf && { nameOf }) });
    await proved();
    return tables;
  };
  if (process.env.DATABASE_URL) return withSpareDatabase(process.env.DATABASE_URL, force, fillDatabase, othersIn(backup));
  const { adminUrl } = await startEmbeddedPostgres({ directory: beside.postgres, onProgress: say });
  try {
    return { tables: await fillDatabase(adminUrl('postgres'), folder.name), databases: [] };
  } finally {
    await stopEmbeddedPostgres(beside.postgres);
  }
}

async function moveIntoPlace(beside: StateFolder, folder: StateFolder, backup: BackupContents, force = false): Promise<string[]> {
  return withStartLock(`deployment ${folder.directory}`, async () => {
    await requireRestorable(folder, backup, force || Boolean(process.env.DATABASE_URL));
    const aside = stateFolder(`.before-restore-${folder.name}-${new Date().toISOString().replaceAll(/[:.]/g, '')}`).directory;
    const there = existsSync(folder.directory);
    if (there) await rename(folder.directory, aside);
    await rename(beside.directory, folder.directory);
    await syncFolder(dirname(folder.directory));
    return there ? [aside] : [];
  });
}

function once<T>(ask: () => Promise<T>): () => Promise<T> {
  let answer: Promise<T> | undefined;
  return () => (answer ??= ask());
}
