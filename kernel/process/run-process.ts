import { once } from 'node:events';
import { flushCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import { sharePorts } from '../http/bind-all.ts';
import { openStorage } from '../files/open-storage.ts';
import { requireNoHalfRestore } from '../files/restore-note.ts';
import { readDeployment, type Deployment } from '../module/deployment.ts';
import type { Module, Phase } from '../module/define-module.ts';
import { StartError } from '../module/start-error.ts';
import { createLog, type Logger } from '../telemetry/log.ts';
import { placeOfProcess, type PlaceOfProcess } from './place-of-process.ts';
import { movedTo, type Ports, wantedPorts, withChosenPorts, withOperatorsPort } from './ports.ts';
import { releaseStartMemory } from './release-start-memory.ts';
import { soundModules, startProcess, type RunningProcess } from './start-process.ts';

export interface RunOptions {
  /** Every module of the build; the deployment file enables those that run. */
  modules: readonly Module[];
  deploymentFile: string | undefined;
  /** A placement file, or the name of one; everything runs in this process if absent. */
  placement?: string | undefined;
  /** Which process of the placement this is. */
  instance?: string | undefined;
  /**
   * `DATABASE_URL` (an administrator's connection), `MAINSTAY_SECRET`, `MAINSTAY_DATA_FOLDER`, `MAINSTAY_PORT`,
   * `MAINSTAY_OPERATORS_PORT`, `MAINSTAY_DATABASE_CONNECTIONS`, `MAINSTAY_PEER_…` for each process of a placement with
   * several, and the modules' secrets.
   */
  environment: NodeJS.ProcessEnv;
}

export interface DeploymentSummary {
  name: string;
  phase: Phase;
  http: { host: string; port: number };
  /** The operators' address, unless there is none; 0 is any free port, here and above. */
  operators?: { host: string; port: number };
  /** Those that this process runs. */
  modules: string[];
  /** Whether it opens the public port. */
  isPublic: boolean;
}

/** What the controller answers when the ports are free and the database runs: modules load while PostgreSQL starts. */
export interface Go {
  databaseUrl: string;
  /** Ports to take where the deployment leaves the choice: those that it had before. */
  ports: Partial<Ports>;
  /** It takes the place of one that runs. */
  succeeds?: boolean;
}

/** What a process tells the controller that started it, over the IPC channel. */
export type Report =
  /** The deployment file is right: it waits for `Go`. */
  | ({ type: 'checked' } & DeploymentSummary)
  /** It serves: where, for operators too, and the optional modules that do not run, and why. */
  | { type: 'ready'; address: string; operatorsAddress?: string; quarantined?: Record<string, string> }
  /** A line for the operator's eyes, shown once and never logged. */
  | { type: 'announce'; line: string }
  | { type: 'failed'; message: string }
  /** The answer to `AreYouThere`. */
  | { type: 'here' };

/** What the controller asks again and again once the process serves: one that does not answer hangs, and is started again. */
export interface AreYouThere {
  type: 'there?';
}

/**
 * Starts one process of a deployment and runs it until it is told to stop: by SIGTERM, SIGINT, or the end of
 * the controller that started it; or to give way to one that serves in its place already: by SIGUSR2. Why it cannot start goes to the controller and the terminal.
 */
export async function runProcess(options: RunOptions): Promise<void> {
  const log = createLog(options.instance === undefined ? {} : { process: options.instance });
  const controlled = process.connected;
  surviveRejections(log);
  try {
    const running = await start(options, log);
    // Node keeps compiled code when a process ends by itself, so one that is killed would leave the next to compile it all. Takes half a second after an update and nothing afterwards, and stops all else.
    flushCompileCache();
    report({ type: 'ready', address: running.address, ...(running.operatorsAddress && { operatorsAddress: running.operatorsAddress }), quarantined: running.quarantined() });
    log.info({ address: running.address, operators: running.operatorsAddress }, 'ready');
    stopWhenTold(running, log, controlled);
    if (controlled) process.on('message', ({ type }: AreYouThere) => type === 'there?' && report({ type: 'here' }));
    releaseStartMemory();
  } catch (error) {
    const message = error instanceof StartError ? error.message : String((error as Error).stack ?? error);
    report({ type: 'failed', message });
    // Whoever starts a process alone reads what to do, and needs no place in the program.
    if (error instanceof StartError && !controlled) process.stderr.write(`mainstay: ${message}\n`);
    else log.fatal({ err: error }, 'the process could not start');
    process.exitCode = 1;
    process.disconnect?.();
  }
}

/**
 * A promise that failed and that nobody waits for ends no process, since nobody depends on it; the log has it. What is
 * thrown outside of promises does: then nothing is known of the state, and the controller starts the process again.
 */
function surviveRejections(log: Logger): void {
  process.on('unhandledRejection', (error) => log.error({ err: error }, 'nobody waited for work that failed; this is a fault of the program'));
}

async function start({ modules, deploymentFile, environment, ...named }: RunOptions, log: Logger): Promise<RunningProcess> {
  if (!deploymentFile) throw new StartError(['no deployment file is named; start with --deployment FILE']);
  const whole = withPort(readDeployment(deploymentFile, modules, environment), environment.MAINSTAY_PORT);
  // Before the controller starts anything.
  soundModules(whole);
  const place = named.placement === undefined ? undefined : placeOfProcess({ placement: named.placement, instance: named.instance }, whole, modules, environment);
  const deployment = withOwnOperatorsPort(whole, place, environment.MAINSTAY_OPERATORS_PORT);
  if (deployment.files?.s3) await requireNoHalfRestore(openStorage(deployment.files, tmpdir()), log);
  // The controller looks whether another program has a port; replicas, and a process that takes the place of this one, must get in.
  if (process.connected) sharePorts();
  const { databaseUrl, ports, succeeds = false }: Go = process.connected ? await goFromController(deployment, place) : { databaseUrl: required(environment, 'DATABASE_URL', 'the connection string of an administrator of the PostgreSQL server, such as postgresql://postgres@localhost/demo'), ports: {} };
  return startProcess({
    deployment: withChosenPorts(deployment, ports),
    databaseUrl,
    succeeds,
    secret: required(environment, 'MAINSTAY_SECRET', '64 hexadecimal digits that belong to this deployment alone, such as openssl rand -hex 32 gives'),
    dataFolder: environment.MAINSTAY_DATA_FOLDER,
    log,
    announce: (line) => report({ type: 'announce', line }),
    ...(place && { placement: place.placement, instance: place.instance.name, peers: place.peers, databases: place.databases }),
    ...(environment.MAINSTAY_DATABASE_CONNECTIONS && { connections: numberIn('MAINSTAY_DATABASE_CONNECTIONS', environment.MAINSTAY_DATABASE_CONNECTIONS, 1, 10_000) }),
  });
}

/** Several processes can not have the port for operators that the file names: it is that of the first with the public port. */
function withOwnOperatorsPort(deployment: Deployment, place: PlaceOfProcess | undefined, port: string | undefined): Deployment {
  if (port) return withOperatorsPort(deployment, numberIn('MAINSTAY_OPERATORS_PORT', port, 0, 65535));
  return !place || place.isFirst ? deployment : withOperatorsPort(deployment, 0);
}

async function goFromController(deployment: Deployment, place: PlaceOfProcess | undefined): Promise<Go> {
  const { name, phase, http, operators, modules } = deployment;
  const ports = wantedPorts(deployment);
  report({
    type: 'checked',
    name,
    phase,
    http: { host: http.host, port: ports.http },
    ...(operators && { operators: { host: operators.host, port: ports.operators! } }),
    modules: place ? [...place.instance.modules] : modules.map(({ module }) => module.name),
    isPublic: place?.isPublic ?? true,
  });
  const [go] = (await once(process, 'message')) as [Go];
  return go;
}

function required(environment: NodeJS.ProcessEnv, name: string, what: string): string {
  const value = environment[name];
  if (!value) throw new StartError([`the environment variable ${name} is missing; set it to ${what}`]);
  return value;
}

function withPort(deployment: Deployment, port: string | undefined): Deployment {
  if (!port) return deployment;
  return movedTo(deployment, numberIn('MAINSTAY_PORT', port, 0, 65535));
}

function numberIn(variable: string, text: string, least: number, most: number): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) < least || Number(text) > most) throw new StartError([`${variable} is "${text}"; it must be a number from ${least} to ${most}`]);
  return Number(text);
}

function report(report: Report): void {
  if (process.connected) process.send!(report);
  else if (report.type === 'announce') process.stderr.write(`${report.line}\n`);
}

function stopWhenTold(running: RunningProcess, log: Logger, controlled: boolean): void {
  let stopping = false;
  const stop = async (why: string, isTakenOver = false) => {
    if (stopping) return;
    stopping = true;
    log.info({ why }, 'stopping');
    // A client or job that never ends must not keep the process: the controller waits no longer than this.
    setTimeout(() => process.exit(1), isTakenOver ? 20_000 : 10_000).unref();
    await running.stop(isTakenOver);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
  process.on('SIGUSR2', () => void stop('another process serves in its place', true));
  if (!controlled) return;
  if (process.connected) process.on('disconnect', () => void stop('the controller is gone'));
  else void stop('the controller went while this process started');
}
