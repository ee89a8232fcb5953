import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { openStorage } from '../files/open-storage.ts';
import { requireNoHalfRestore } from '../files/restore-note.ts';
import { readDeployment, type Deployment } from '../module/deployment.ts';
import type { Module, Phase } from '../module/define-module.ts';
import { StartError } from '../module/start-error.ts';
import { createLog, type Logger } from '../telemetry/log.ts';
import { movedTo, type Ports, wantedPorts, withChosenPorts } from './ports.ts';
import { releaseStartMemory } from './release-start-memory.ts';
import { soundModules, startProcess, type RunningProcess } from './start-process.ts';

export interface RunOptions {
  /** Every module of the build; the deployment file enables those that run. */
  modules: readonly Module[];
  deploymentFile: string | undefined;
  /** `DATABASE_URL` (an administrator's connection), `MAINSTAY_SECRET`, `MAINSTAY_DATA_FOLDER`, `MAINSTAY_PORT`, and the modules' secrets. */
  environment: NodeJS.ProcessEnv;
}

export interface DeploymentSummary {
  name: string;
  phase: Phase;
  http: { host: string; port: number };
  /** The operators' address, unless there is none; 0 is any free port, here and above. */
  operators?: { host: string; port: number };
  modules: string[];
}

/** What the controller answers when the ports are free and the database runs: modules load while PostgreSQL starts. */
export interface Go {
  databaseUrl: string;
  /** Ports to take where the deployment leaves the choice: those that it had before. */
  ports: Partial<Ports>;
}

/** What a process tells the controller that started it, over the IPC channel. */
export type Report =
  /** The deployment file is right: it waits for `Go`. */
  | ({ type: 'checked' } & DeploymentSummary)
  /** It serves: where, for operators too, and the optional modules that do not run, and why. */
  | { type: 'ready'; address: string; operatorsAddress?: string; quarantined?: Record<string, string> }
  /** A line for the operator's eyes, shown once and never logged. */
  | { type: 'announce'; line: string }
  | { type: 'failed'; message: string };

/**
 * Starts one process of a deployment and runs it until it is told to stop: by SIGTERM, SIGINT, or the end of
 * the controller that started it. Why it cannot start goes to the controller and the terminal.
 */
export async function runProcess(options: RunOptions): Promise<void> {
  const log = createLog();
  const controlled = process.connected;
  surviveRejections(log);
  try {
    const running = await start(options, log);
    report({ type: 'ready', address: running.address, ...(running.operatorsAddress && { operatorsAddress: running.operatorsAddress }), quarantined: running.quarantined() });
    log.info({ address: running.address, operators: running.operatorsAddress }, 'ready');
    stopWhenTold(running, log, controlled);
    releaseStartMemory();
  } catch (error) {
    const message = error instanceof StartError ? error.message : String((error as Error).stack ?? error);
    report({ type: 'failed', message });
    log.fatal({ err: error }, 'the process could not start');
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

async function start({ modules, deploymentFile, environment }: RunOptions, log: Logger): Promise<RunningProcess> {
  if (!deploymentFile) throw new StartError(['no deployment file is named; start with --deployment FILE']);
  const deployment = withPort(readDeployment(deploymentFile, modules, environment), environment.MAINSTAY_PORT);
  // Before the controller starts anything.
  soundModules(deployment);
  if (deployment.files?.s3) await requireNoHalfRestore(openStorage(deployment.files, tmpdir()), log);
  const { databaseUrl, ports } = process.connected ? await goFromController(deployment) : { databaseUrl: required(environment, 'DATABASE_URL', 'the connection string of an administrator of the PostgreSQL server'), ports: {} };
  return startProcess({
    deployment: withChosenPorts(deployment, ports),
    databaseUrl,
    secret: required(environment, 'MAINSTAY_SECRET', '64 hexadecimal digits that belong to this deployment alone'),
    dataFolder: environment.MAINSTAY_DATA_FOLDER,
    log,
    announce: (line) => report({ type: 'announce', line }),
  });
}

async function goFromController(deployment: Deployment): Promise<Go> {
  const { name, phase, http, operators, modules } = deployment;
  const ports = wantedPorts(deployment);
  report({ type: 'checked', name, phase, http: { host: http.host, port: ports.http }, ...(operators && { operators: { host: operators.host, port: ports.operators! } }), modules: modules.map(({ module }) => module.name) });
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
  if (!/^\d{1,5}$/.test(port) || Number(port) > 65535) throw new StartError([`MAINSTAY_PORT is "${port}"; it must be a number from 0 to 65535`]);
  return movedTo(deployment, Number(port));
}

function report(report: Report): void {
  if (process.connected) process.send!(report);
  else if (report.type === 'announce') process.stderr.write(`${report.line}\n`);
}

function stopWhenTold(running: RunningProcess, log: Logger, controlled: boolean): void {
  let stopping = false;
  const stop = async (why: string) => {
    if (stopping) return;
    stopping = true;
    log.info({ why }, 'stopping');
    // A client or job that never ends must not keep the process: the controller waits no longer than this.
    setTimeout(() => process.exit(1), 10_000).unref();
    await running.stop();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
  if (!controlled) return;
  if (process.connected) process.on('disconnect', () => void stop('the controller is gone'));
  else void stop('the controller went while this process started');
}
