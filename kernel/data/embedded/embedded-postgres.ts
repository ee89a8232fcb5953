import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, closeSync, existsSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findPostgresBinaries, type PostgresBinaries } from './postgres-binaries.ts';
import { findPostmaster, hasProcess, removeStaleLocks } from './postmaster.ts';
import { makeReserve, useReserve } from './reserve.ts';
import { withStartLock } from './start-lock.ts';
import { findRunner, type Runner } from './unprivileged.ts';

/** A running PostgreSQL server that belongs to one folder, reached over a unix socket only. */
export interface EmbeddedPostgres {
  /** Connection string of the server's superuser for one of its databases. */
  adminUrl(database: string): string;
  socketDirectory: string;
  pid: number;
}

export interface StartOptions {
  /** The folder of this server: data, socket and log. Made if absent. */
  directory: string;
  log?: (line: string) => void;
  /** Called with what is going on whenever it may take longer than a second. */
  onProgress?: (what: string) => void;
  /** Stops the server when this process dies: for tests. */
  diesWithParent?: boolean;
  /** Nothing on it outlives the tests: it does without what saves data from a failing machine, and takes more memory. */
  disposable?: boolean;
  /** How many connections it takes at a time; 100 if absent. A server that runs already keeps its number. */
  connections?: number;
  /** Keeps room on the disk for a recovery when it is full. */
  reserve?: boolean;
  /** Set to false to do without user namespaces, as where they are forbidden. */
  userNamespaces?: boolean;
}

const SUPERUSER = 'mainstay';
const UNFINISHED = 'data.unfinished.';
// The kernel's limit of a unix socket's path is 108 bytes with its closing zero.
const LONGEST_SOCKET_PATH = 107;

const SETTINGS = {
  listen_addresses: '', // only the unix socket, in a folder that nobody else may enter
  unix_socket_permissions: '0700',
  shared_buffers: '32MB', // the system's file cache holds the rest
  max_connections: '100', // pools are small; a process takes about ten
  io_method: 'sync', // saves three processes that help only with slow disks
  max_worker_processes: '2', // no parallel queries on small machines
  max_parallel_workers: '0',
  max_logical_replication_workers: '0', // saves the launcher's process
  autovacuum_max_workers: '1',
  max_wal_size: '256MB', // bounds the disk use and the time of a recovery
  jit: 'off', // the binaries come without a compiler
  log_checkpoints: 'off',
  log_min_messages: 'log', // errors of statements are told to who sent them; the log would show their values
  log_min_error_statement: 'panic',
} as const;

const DISPOSABLE_SETTINGS = { fsync: 'off', full_page_writes: 'off', shared_buffers: '256MB', max_wal_size: '1GB' } as const;

/**
 * Starts the PostgreSQL server of a folder, or adopts the one that runs there already. A new folder is initialised
 * first; a half-made one is made again; after a crash PostgreSQL recovers by itself and no acknowledged row is lost.
 */
export async function startEmbeddedPostgres(options: StartOptions): Promise<EmbeddedPostgres & { adopted: boolean; stop(): Promise<void> }> {
  const { directory } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const started = await exclusively(directory, () => adoptOrStart(options));
  // Nobody waits for it, and a server without runs as well.
  if (options.reserve) makeReserve(directory).catch(() => {});
  return { ...started, stop: () => stopEmbeddedPostgres(directory) };
}

/** The server that runs in a folder, if one does. */
export function findRunning(directory: string): EmbeddedPostgres | undefined {
  const postmaster = findPostmaster(join(directory, 'data'));
  return postmaster?.ready ? describe(postmaster) : undefined;
}

/** Stops the server of a folder, if one runs, whoever started it. Open transactions are rolled back. */
export async function stopEmbeddedPostgres(directory: string): Promise<void> {
  if (findPostmaster(join(directory, 'data'))) await exclusively(directory, () => stop(join(directory, 'data')));
}

// A start that came in the middle of a stop would adopt a server that is on its way out.
const exclusively = <T>(directory: string, work: () => Promise<T>): Promise<T> => withStartLock(`PostgreSQL in ${realpathSync(directory)}`, work);

async function stop(data: string): Promise<void> {
  const postmaster = findPostmaster(data);
  if (!postmaster) return;
  const start = performance.now();
  signal(postmaster.pid, 'SIGINT');
  for (let harder = false; existsSync(data) && hasProcess(data); await sleep(5)) {
    if (harder || performance.now() - start < 30_000) continue;
    signal(postmaster.pid, 'SIGQUIT');
    harder = true;
  }
}

async function adoptOrStart(options: StartOptions): Promise<EmbeddedPostgres & { adopted: boolean }> {
  const { directory, log = () => {} } = options;
  const data = join(directory, 'data');
  const running = await findStarted(options);
  if (running) {
    log(`PostgreSQL runs already in ${directory}, process ${running.pid}`);
    return { ...running, adopted: true };
  }
  const binaries = findPostgresBinaries();
  // What another account owns, it made for want of user namespaces; inside of one it would be out of reach.
  const ours = !existsSync(data) || statSync(data).uid === process.getuid!();
  const runner = findRunner(binaries, ours && options.userNamespaces);
  runner.own(directory);
  const socketDirectory = makeSocketDirectory(directory, runner);
  if (!existsSync(data)) initialise(options, runner);
  checkVersion(data, binaries);
  const started = await launch(options, runner, socketDirectory);
  log(`PostgreSQL ${binaries.major} started in ${directory}, process ${started.pid}`);
  return { ...started, adopted: false };
}

/** The server that runs or is starting, once it is ready; nothing if it is stopping, once it has stopped. */
async function findStarted({ directory, onProgress }: StartOptions): Promise<EmbeddedPostgres | undefined> {
  for (let told = false, start = performance.now(); ; await sleep(5)) {
    const postmaster = findPostmaster(join(directory, 'data'));
    if (!postmaster) return undefined;
    if (postmaster.ready && await answers(describe(postmaster))) return describe(postmaster);
    if (!told && performance.now() - start > 1000) {
      onProgress?.('waiting for the database that is starting or stopping');
      told = true;
    }
  }
}

// A server that was just killed may still be listed, and is not there any more when it is asked.
async function answers({ adminUrl }: EmbeddedPostgres): Promise<boolean> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: adminUrl('postgres'), connectionTimeoutMillis: 2000 });
  client.on('error', () => {});
  try {
    await client.connect();
    return true;
  } catch (error) {
    // It answers, if only to say that it has no connection left.
    return (error as { code?: string }).code === '53300';
  } finally {
    await client.end().catch(() => {});
  }
}

// Made beside its place and renamed, so that a data directory is whole or absent. An initdb whose starter was
// killed may still write, so every attempt has a folder of its own.
function initialise({ directory, onProgress }: StartOptions, runner: Runner): void {
  onProgress?.('making a new database');
  for (const name of readdirSync(directory).filter((entry) => entry.startsWith(UNFINISHED))) rmSync(join(directory, name), { recursive: true, force: true, maxRetries: 3 });
  const unfinished = join(directory, `${UNFINISHED}${process.pid}.${Date.now()}`);
  const [command, ...args] = [...runner.prefix, join(runner.native, 'bin/initdb'), '-D', unfinished, '-U', SUPERUSER, '-A', 'trust', '-E', 'UTF8',
    '--locale-provider=builtin', '--builtin-locale=C.UTF-8', '--locale=C', '--no-instructions'];
  const { status, stderr, stdout, error } = spawnSync(command!, args, { env: environment(), encoding: 'utf8', cwd: directory, ...runner.account });
  if (status !== 0) throw new Error(`PostgreSQL can't make a database in ${directory}: ${error?.message ?? (stderr || stdout).trim()}`);
  renameSync(unfinished, join(directory, 'data'));
}

function checkVersion(data: string, { major }: PostgresBinaries): void {
  const found = existsSync(join(data, 'PG_VERSION')) ? readFileSync(join(data, 'PG_VERSION'), 'utf8').trim() : undefined;
  if (found === major) return;
  throw new Error(found
    ? `${data} was made by PostgreSQL ${found} and this is PostgreSQL ${major}: restore a backup into a new folder, or run the version of the project that made it`
    : `${data} is no PostgreSQL data directory: move it away`);
}

async function launch(options: StartOptions, runner: Runner, socketDirectory: string): Promise<EmbeddedPostgres> {
  const data = join(options.directory, 'data');
  // The workers of a killed server end within moments; two servers on one folder would destroy it.
  for (const until = performance.now() + 30_000; hasProcess(data); await sleep(20)) {
    if (performance.now() > until) throw new Error(`processes of an earlier PostgreSQL still use ${data}: end them and try again`);
  }
  removeStaleLocks(data, socketDirectory);
  useReserve(options.directory);
  const settings = Object.entries({ ...SETTINGS, ...(options.disposable && DISPOSABLE_SETTINGS), unix_socket_directories: socketDirectory, ...(options.connections && { max_connections: String(options.connections) }) }).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const dying = options.diesWithParent ? ['setpriv', '--pdeathsig', 'INT', '--'] : [];
  const [command, ...args] = [...runner.prefix, ...dying, join(runner.native, 'bin/postgres'), '-D', data, ...settings];
  const output = openLog(options.directory);
  const child = spawn(command!, args, { env: environment(), cwd: options.directory, stdio: ['ignore', output, output], detached: true, ...runner.account });
  closeSync(output);
  let end: string | undefined;
  child.on('error', (error) => (end = error.message));
  child.on('exit', (code, signalName) => (end = `it ended with ${signalName ?? code}`));
  child.unref();
  return untilReady(options, () => end);
}

async function untilReady({ directory, onProgress }: StartOptions, ended: () => string | undefined): Promise<EmbeddedPostgres> {
  const start = performance.now();
  for (let told = false; ; await sleep(3)) {
    const postmaster = findPostmaster(join(directory, 'data'));
    if (postmaster?.ready) return describe(postmaster);
    const end = ended();
    if (end) throw new Error(`PostgreSQL does not start in ${directory}: ${end}\n${lastLines(directory)}`);
    if (performance.now() - start > 1000 && !told) {
      onProgress?.('waiting for the database to recover');
      told = true;
    }
    if (performance.now() - start > 300_000) throw new Error(`PostgreSQL in ${directory} has not become ready within five minutes: see ${join(directory, 'postgres.log')}`);
  }
}

function makeSocketDirectory(directory: string, runner: Runner): string {
  const near = join(realpathSync(directory), 'socket');
  const fits = Buffer.byteLength(join(near, '.s.PGSQL.5432.lock')) <= LONGEST_SOCKET_PATH;
  const chosen = fits ? near : shortDirectory(directory);
  mkdirSync(chosen, { recursive: true, mode: 0o700 });
  if (runner.account) runner.own(chosen);
  const { uid } = lstatSync(chosen);
  // Somebody else could have put a folder of this name into the shared temporary folder, to listen in.
  if (!lstatSync(chosen).isDirectory() || (uid !== process.getuid!() && uid !== runner.account?.uid)) throw new Error(`${chosen} belongs to another account: remove it`);
  if (uid === process.getuid!()) chmodSync(chosen, 0o700);
  return chosen;
}

function shortDirectory(directory: string): string {
  const name = createHash('sha256').update(realpathSync(directory)).digest('hex').slice(0, 16);
  const base = Buffer.byteLength(tmpdir()) < 60 ? tmpdir() : '/tmp';
  return join(base, `mainstay-${process.getuid!()}-${name}`);
}

function openLog(directory: string): number {
  const file = join(directory, 'postgres.log');
  if (existsSync(file) && statSync(file).size > 1_000_000) renameSync(file, `${file}.1`);
  return openSync(file, 'a', 0o600);
}

function lastLines(directory: string): string {
  return readFileSync(join(directory, 'postgres.log'), 'utf8').trimEnd().split('\n').slice(-5).join('\n');
}

function describe({ pid, socketDirectory }: { pid: number; socketDirectory: string }): EmbeddedPostgres {
  return { pid, socketDirectory, adminUrl: (database) => `postgresql://${SUPERUSER}@${encodeURIComponent(socketDirectory)}/${encodeURIComponent(database)}` };
}

// Variables such as PGDATA would change what PostgreSQL does.
function environment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PG') && !name.startsWith('NODE_'));
  return { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC' };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
