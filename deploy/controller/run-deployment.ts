import { join } from 'node:path';
import { withStartLock } from '@mainstay/kernel/start-lock';
import { checkDeployment } from './check-deployment.ts';
import { type DeploymentSummary, findDeploymentFile } from './deployment-file.ts';
import { requireFreePort } from './free-port.ts';
import { keepPostgres } from './keep-postgres.ts';
import { launchProcess } from './launch-process.ts';
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
 * Starts a deployment: its file is checked first, then its port, then come its database and its process.
 * Resolves when it serves. `cancel` ends what was started so far. Throws an `OperatorError` if it cannot start.
 */
export async function runDeployment(options: RunOptions, steps: Steps, cancel?: AbortSignal): Promise<RunningDeployment> {
  const file = findDeploymentFile(options.deployment);
  const summary = await steps.step('checking the deployment', () => checkDeployment(file));
  const folder = stateFolder(summary.name);
  makeStateFolder(folder);
  const run = await claim(folder, file, summary);
  const ends: (() => Promise<void>)[] = [async () => removeRun(folder)];
  const stop = async () => { for (let end = ends.pop(); end; end = ends.pop()) await end(); };
  try {
    const port = options.port ?? summary.http.port;
    await requireFreePort(summary.http.host, port);
    const keeper = await startParts({ options: { ...options, port }, steps, folder, run, ends, cancel });
    return { run, modules: summary.modules, folder, restart: () => keeper.restart(), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Two controllers of one deployment would fight over its database. */
async function claim(folder: StateFolder, file: string, { name, phase }: DeploymentSummary): Promise<RunRecord> {
  return withStartLock(`deployment ${folder.directory}`, async () => {
    const other = currentRun(folder);
    if (other) throw new AlreadyRunning(other);
    await endLeftovers(lastRun(folder));
    const run: RunRecord = { name, file, phase, state: 'starting', started: new Date().toISOString(), controller: identify(process.pid)!, embeddedPostgres: !process.env.DATABASE_URL };
    writeRun(folder, run);
    return run;
  });
}

interface Parts {
  options: RunOptions & { port: number };
  steps: Steps;
  folder: StateFolder;
  run: RunRecord;
  /** What ends each part that was started, in order of their start. */
  ends: (() => Promise<void>)[];
  cancel: AbortSignal | undefined;
}

async function startParts({ options, steps, folder, run, ends, cancel }: Parts): Promise<ProcessKeeper> {
  makeSecrets(folder);
  rotateLog(folder.log);
  const warn = (text: string) => warnInLog(folder.log, text);
  const databaseUrl = process.env.DATABASE_URL || await steps.step('starting PostgreSQL', async (say) => {
    const postgres = await keepPostgres(folder.postgres, warn, say);
    ends.push(postgres.stop);
    if (postgres.adopted) say('it was running already');
    return postgres.adminUrl(run.name);
  });
  cancel?.throwIfAborted();
  const environment = { ...deploymentEnvironment(folder), DATABASE_URL: databaseUrl, MAINSTAY_PORT: String(options.port) };
  const keeper = new ProcessKeeper({
    launch: () => launchProcess({ program, args: ['--deployment', run.file], environment, log: folder.log, announce: steps.line }),
    say: warn,
    changed: (state, { identity }, address) => writeRun(folder, Object.assign(run, { state, process: identity, ...(address && { address }) })),
    ...(options.waitForChange && { waitForChange: true }),
  });
  ends.push(() => keeper.stop());
  cancel?.addEventListener('abort', () => void keeper.stop(), { once: true });
  await steps.step(`starting ${run.name}`, () => keeper.start());
  return keeper;
}
