import { join } from 'node:path';
import type { DeploymentSummary, Ports } from '@mainstay/kernel/process';
import { withStartLock } from '@mainstay/kernel/start-lock';
import { findDeploymentFile, nameIn } from './deployment-file.ts';
import { chosenPorts, keepOperatorsPort, keptOperatorsPort } from './chosen-ports.ts';
import { anyFreePort, requireFreePort } from './free-port.ts';
import { tellingFullDisk } from './full-disk.ts';
import { keepPostgres } from './keep-postgres.ts';
import { launchProcess, type Ready } from './launch-process.ts';
import { rotateLog, warnInLog } from './log-file.ts';
import { OperatorError } from './operator-error.ts';
import { identify } from './process-info.ts';
import { ProcessKeeper } from './process-keeper.ts';
import { currentRun, lastRun, removeRun, type RunRecord, writeRun } from './run-record.ts';
import { deploymentEnvironment, makeSecrets } from './secrets.ts';
import { makeStateFolder, projectRoot, type StateFolder, stateFolder } from './state-folder.ts';
import type { Steps } from './steps.ts';
import { endLeftovers } from './stop-deployment.ts';

const program = join(projectRoot, 'main/main.ts');

export interface RunOptions {
  /** A deployment file, or the name of one in `deploy/deployments/`; the demo if absent. */
  deployment?: string;
  /** Instead of the port in the file. */
  port?: number;
  /** After a failed start, wait for `restart` instead of trying again. */
  waitForChange?: boolean;
}

/** A deployment that this process started and looks after. */
export interface RunningDeployment {
  run: RunRecord;
  modules: string[];
  folder: StateFolder;
  /** Ends the process and starts it anew. */
  restart(): Promise<void>;
  /** Ends the process, then its database. */
  stop(): Promise<void>;
}

/** The deployment runs already. */
export class AlreadyRunning extends OperatorError {
  readonly run: RunRecord;

  constructor(run: RunRecord) {
    super(`${run.name} ${run.address ? `is running at ${run.address}` : 'is being started'} (process ${run.controller.pid})`);
    this.run = run;
  }
}

/**
 * Starts a deployment: its process reads and checks the file, the port is checked, then the database is started,
 * while the process loads, and the process goes on. Resolves when it serves. `cancel` ends what was started so far.
 * Throws an `OperatorError` if it cannot start.
 */
export async function runDeployment(options: RunOptions, steps: Steps, cancel?: AbortSignal): Promise<RunningDeployment> {
  const file = findDeploymentFile(options.deployment);
  const name = nameIn(file);
  if (!name) throw new OperatorError(`${file}: "name" is missing or wrong; it must start with a letter and hold at most 31 lower-case letters, digits and hyphens`);
  const folder = stateFolder(name);
  makeStateFolder(folder);
  const run = await claim(folder, file);
  const ends: (() => Promise<void>)[] = [async () => removeRun(folder)];
  const stop = async () => { for (let end = ends.pop(); end; end = ends.pop()) await end(); };
  try {
    const { keeper, modules } = await tellingFullDisk(folder.directory, () => startParts({ options, steps, folder, run, ends, cancel, ports: {} }));
    return { run, modules, folder, restart: () => keeper.restart(), stop };
  } catch (error) {
    await stop();
    throw cancel?.aborted ? new OperatorError(`${name} was stopped before it was ready`) : error;
  }
}

/** Two controllers of one deployment would fight over its database. */
async function claim(folder: StateFolder, file: string): Promise<RunRecord> {
  return withStartLock(`deployment ${folder.directory}`, async () => {
    const other = currentRun(folder);
    if (other) throw new AlreadyRunning(other);
    await endLeftovers(lastRun(folder));
    const run: RunRecord = { name: folder.name, file, state: 'starting', started: new Date().toISOString(), controller: identify(process.pid)!, embeddedPostgres: !process.env.DATABASE_URL };
    await tellingFullDisk(folder.directory, async () => writeRun(folder, run));
    return run;
  });
}

interface Parts {
  options: RunOptions;
  steps: Steps;
  folder: StateFolder;
  run: RunRecord;
  /** What ends each part that was started, in order of their start. */
  ends: (() => Promise<void>)[];
  cancel: AbortSignal | undefined;
  /** What the process got where the deployment leaves the choice. */
  ports: Partial<Ports>;
}

async function startParts(parts: Parts): Promise<{ keeper: ProcessKeeper; modules: string[] }> {
  const { steps, folder, run, ends, cancel } = parts;
  makeSecrets(folder);
  rotateLog(folder.log);
  const checked = Promise.withResolvers<DeploymentSummary>();
  const database = Promise.withResolvers<string>();
  const keeper = makeKeeper(parts, checked.resolve, database.promise);
  const started = keeper.start();
  started.catch(checked.reject);
  // PostgreSQL ends after the process, whichever came first.
  ends.push(() => keeper.stop());
  cancel?.addEventListener('abort', () => void keeper.stop(), { once: true });
  const summary = await steps.step('checking the deployment', () => checked.promise);
  run.phase = summary.phase;
  await preparePorts(parts, summary);
  database.resolve(process.env.DATABASE_URL || await steps.step('starting PostgreSQL', async (say) => {
    const postgres = await keepPostgres(folder.postgres, (text) => warnInLog(folder.log, text), say);
    ends.splice(1, 0, postgres.stop);
    if (postgres.adopted) say('it was running already');
    return postgres.adminUrl(run.name);
  }));
  await steps.step(`starting ${run.name}`, () => started);
  return { keeper, modules: summary.modules };
}

/** Another --port than the file's comes with another port for operators, which is the same at the next start. */
async function preparePorts({ options, folder, ports }: Parts, { http, operators }: DeploymentSummary): Promise<void> {
  if (operators && operators.port !== 0 && operators.port === http.port) throw new OperatorError(`port ${http.port} can't be for operators too; choose another with --port N, or for operators in the deployment file`);
  await requireFreePort({ section: 'http', ...http });
  // Access tokens name the address: the first process must know it as those that come after it do.
  if (http.port === 0) ports.http = await anyFreePort(http.host).catch(() => 0);
  if (!operators) return;
  await requireFreePort({ section: 'operators', ...operators });
  const kept = options.port === undefined ? undefined : await keptOperatorsPort(folder, operators.host);
  if (kept !== undefined && kept !== http.port) ports.operators = kept;
}

function served({ options, folder, run, ports }: Parts, ready: Ready): void {
  Object.assign(run, { address: ready.address, operatorsAddress: ready.operatorsAddress, quarantined: ready.quarantined });
  Object.assign(ports, chosenPorts(ready));
  if (options.port !== undefined && ports.operators !== undefined) whereThereIsRoom(() => keepOperatorsPort(folder, ports.operators!));
}

/** What runs is not told anew while the disk is full; that ends nothing. */
function whereThereIsRoom(write: () => void): void {
  try {
    write();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

function makeKeeper(parts: Parts, checked: (summary: DeploymentSummary) => void, database: Promise<string>): ProcessKeeper {
  const { options, steps, folder, run, ports } = parts;
  const environment = { ...deploymentEnvironment(folder), MAINSTAY_DATA_FOLDER: folder.dataFiles, ...(options.port !== undefined && { MAINSTAY_PORT: String(options.port) }) };
  const launch = () => {
    const launched = launchProcess({ program, args: ['--deployment', run.file], environment, log: folder.log, announce: steps.line });
    launched.checked.then(checked).then(() => database).then((databaseUrl) => launched.go({ databaseUrl, ports }), () => {});
    return launched;
  };
  return new ProcessKeeper({
    launch,
    say: (text) => warnInLog(folder.log, text),
    changed: (state, { identity }, ready) => {
      Object.assign(run, { state, process: identity });
      if (ready) served(parts, ready);
      whereThereIsRoom(() => writeRun(folder, run));
    },
    ...(options.waitForChange && { waitForChange: true }),
  });
}
