import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Phase } from '@mainstay/kernel';
import { connectionConfig, withClient } from '@mainstay/kernel/administration';
import { findPlacementFile } from '@mainstay/kernel/placement';
import { findRunning, startEmbeddedPostgres, stopEmbeddedPostgres } from '@mainstay/kernel/postgres';
import { withStartLock } from '@mainstay/kernel/start-lock';
import { platformVersion } from '@mainstay/kernel/version';
import { parse } from 'yaml';
import { keptPlacement, onePlacement, requireSettled } from '../controller/chosen-placement.ts';
import { deploymentFileIn, findDeploymentFile, nameIn } from '../controller/deployment-file.ts';
import { OperatorError } from '../controller/operator-error.ts';
import { currentRun, currentRuns } from '../controller/run-record.ts';
import { deploymentEnvironment } from '../controller/secrets.ts';
import { type StateFolder, stateFolder } from '../controller/state-folder.ts';
import type { Steps } from '../controller/steps.ts';
import { type BackedUpPlacement, type BackupHeader, type Manifest, versionFor } from './backup-format.ts';
import type { SourceDatabase } from './begin-snapshots.ts';
import { urlOf } from './url-of-database.ts';
import { sealFile } from './seal-file.ts';
import { requireReadable } from './require-storage.ts';
import { type PlacedStorage, storageOf } from './storage-of.ts';
import { writeContent } from './write-content.ts';

export interface BackupOptions {
  /** Where the backup goes. */
  file: string;
  /** The name or the file of a deployment; the only one that runs, or the demo, if absent. */
  deployment?: string;
  /** Encrypts it; then it holds the deployment's secrets too. */
  passphrase?: string;
  /** Replaces a file that is there. */
  force?: boolean;
  workFactor?: number;
}

/** A backup that was made. */
export interface MadeBackup {
  header: BackupHeader;
  manifest: Manifest;
  bytes: number;
}

/** Backs up a deployment, running or not. Throws an `OperatorError` if it has nothing to back up or the file can't be written. */
export async function backUp(options: BackupOptions, steps: Steps): Promise<MadeBackup> {
  const file = resolve(options.file);
  checkTarget(file, options.force);
  const { folder, config } = findDeployment(options.deployment);
  const databases = otherDatabases(folder, config);
  const { phase } = (parse(readFileSync(config, 'utf8')) ?? {}) as { phase: Phase };
  const header: BackupHeader = { format: 'mainstay-backup', version: versionFor(1 + databases.length), platform: platformVersion, created: new Date().toISOString(), deployment: folder.name, phase };
  const storage = storageOf(config, folder.dataFiles, deploymentEnvironment(folder));
  await requireReadable(storage).catch((error: unknown) => notBackedUp(folder, error));
  const manifest = await steps.step(`backing up ${folder.name}`, (say) => withDatabase(folder, (adminUrl) => write({ options, file, folder, config, databases, storage, header, adminUrl, say })));
  return { header, manifest, bytes: statSync(file).size };
}

interface Writing {
  options: BackupOptions;
  file: string;
  folder: StateFolder;
  config: string;
  databases: string[];
  storage: PlacedStorage;
  header: BackupHeader;
  adminUrl: string;
  say: (detail: string) => void;
}

async function write({ options: { passphrase, workFactor }, file, folder, config, databases, storage, header, adminUrl, say }: Writing): Promise<Manifest> {
  const secrets = passphrase !== undefined && existsSync(folder.secrets) ? readFileSync(folder.secrets, 'utf8') : undefined;
  const written = Promise.withResolvers<Manifest>();
  const placement = placementOf(folder);
  const environment = deploymentEnvironment(folder);
  await withDatabases(databases.map((database) => ({ database, url: urlOf({ adminUrl, environment }, database) })), (others) => withClient(connectionConfig(adminUrl), async (client) => {
    const content = writeContent({ client, url: adminUrl, others, storage, config: readFileSync(config, 'utf8'), ...(placement && { placement }), ...(secrets !== undefined && { secrets }), onProgress: say }, written.resolve);
    await sealFile(file, content, { header, ...(passphrase !== undefined && { passphrase }), ...(workFactor !== undefined && { workFactor }) });
  })).catch((error: unknown) => notBackedUp(folder, error));
  return written.promise;
}

/** The databases beside the deployment's own. Throws while its rows are being moved: they are in two places then. */
function otherDatabases(folder: StateFolder, config: string): string[] {
  requireSettled(folder, config);
  return keptPlacement(folder).databases;
}

function placementOf(folder: StateFolder): BackedUpPlacement | undefined {
  const { placement, homes } = keptPlacement(folder);
  if (placement === onePlacement && Object.keys(homes).length === 0) return undefined;
  return { placement, homes, ...textOf(placement) };
}

function textOf(placement: string): { text?: string } {
  try {
    return { text: readFileSync(findPlacementFile(placement), 'utf8') };
  } catch {
    return {};
  }
}

async function withDatabases<T>([first, ...others]: readonly Omit<SourceDatabase, 'client'>[], work: (databases: SourceDatabase[]) => Promise<T>): Promise<T> {
  if (!first) return work([]);
  return withClient(connectionConfig(first.url), (client) => withDatabases(others, (databases) => work([{ ...first, client }, ...databases])));
}

function notBackedUp({ name }: StateFolder, error: unknown): never {
  const { rawMessage, message } = error as Error & { rawMessage?: string };
  throw new OperatorError(`${name} was not backed up: ${rawMessage ?? message}`, { cause: error });
}

function checkTarget(file: string, force = false): void {
  if (!statSync(dirname(file), { throwIfNoEntry: false })?.isDirectory()) throw new OperatorError(`there is no folder ${dirname(file)}; make it first`);
  const there = statSync(file, { throwIfNoEntry: false });
  if (there?.isDirectory()) throw new OperatorError(`${file} is a folder; name a file in it`);
  // A device or a pipe would be replaced by the backup.
  if (there && !there.isFile()) throw new OperatorError(`${file} is no regular file; name one that can be replaced, or a new one`);
  if (there && !force) throw new OperatorError(`${file} is there already; choose another name, or replace it with --force`);
}

/** Where a deployment keeps its state, and its file: of one that runs the one it was started with. */
function findDeployment(wanted = whatRuns()): { folder: StateFolder; config: string } {
  const named = /[/.]/.test(wanted) ? undefined : stateFolder(wanted);
  const config = (named && (currentRun(named)?.file ?? restoredFile(named))) ?? findDeploymentFile(wanted);
  const name = named?.name ?? nameIn(config);
  if (!name) throw new OperatorError(`${config}: "name" is missing or wrong`);
  return { folder: stateFolder(name), config };
}

function whatRuns(): string {
  const names = currentRuns().map(({ name }) => name);
  if (names.length > 1) throw new OperatorError(`several deployments run; choose with --deployment: ${names.join(', ')}`);
  return names[0] ?? 'demo';
}

const restoredFile = (folder: StateFolder) => (existsSync(deploymentFileIn(folder)) ? deploymentFileIn(folder) : undefined);

/** Works on the deployment's database: the server in DATABASE_URL, or its own, which is started for that if it does not run. */
async function withDatabase<T>(folder: StateFolder, work: (adminUrl: string) => Promise<T>): Promise<T> {
  if (process.env.DATABASE_URL) return work(process.env.DATABASE_URL);
  const running = findRunning(folder.postgres);
  if (running) return work(running.adminUrl(folder.name));
  if (!existsSync(join(folder.postgres, 'data'))) throw new OperatorError(`${folder.name} has no data yet; start it with ./mainstay up`);
  const started = await startEmbeddedPostgres({ directory: folder.postgres });
  try {
    return await work(started.adminUrl(folder.name));
  } finally {
    // A controller that was started meanwhile has adopted it; one that starts now waits for the lock.
    await withStartLock(`deployment ${folder.directory}`, async () => { if (!currentRun(folder)) await stopEmbeddedPostgres(folder.postgres); });
  }
}
