import type { DeploymentSummary } from '@mainstay/kernel/process';
import { publicPlaceIn } from '@mainstay/kernel/public-place';
import { withStartLock } from '@mainstay/kernel/start-lock';
import { findDeploymentFile, nameIn } from './deployment-file.ts';
import { chosenPorts, keepOperatorsPort, keptOperatorsPort } from './chosen-ports.ts';
import { choosePlacement, type ChosenPlacement, keepPlacement } from './chosen-placement.ts';
import { anyFreePort, freePorts, portOf, requireFreePort } from './free-port.ts';
import { tellingFullDisk } from './full-disk.ts';
import type { Place } from './held-sockets.ts';
import { type InstanceOptions, type InstanceToKeep, keepInstance, type KeptInstance, startInstance } from './keep-instance.ts';
import { keepPostgres } from './keep-postgres.ts';
import type { Ready } from './launch-process.ts';
import { rotateLog, warnInLog } from './log-file.ts';
import { OperatorError } from './operator-error.ts';
import { identify } from './process-info.ts';
import { currentRun, lastRun, removeRun, type RunRecord, writeRun } from './run-record.ts';
import { restartOnRequest } from './rolling-restart.ts';
import { makeSecrets } from './secrets.ts';
import { makeStateFolder, type StateFolder, stateFolder } from './state-folder.ts';
import type { Steps } from './steps.ts';
import { endLeftovers } from './stop-deployment.ts';

export interface RunOptions extends InstanceOptions {
  /** A deployment file, or the name of one in `deploy/deployments/`; the demo if absent. */
  deployment?: string;
  /** A placement file, or the name of one in `deploy/placements/`; that of the last start, else one process, if absent. */
  placement?: string;
}

/** A deployment that this process started and looks after. */
export interface RunningDeployment {
  run: RunRecord;
  modules: string[];
  folder: StateFolder;
  /** Ends all processes and starts them anew. */
  restart(): Promise<void>;
  /** Ends the processes, then their database. */
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
 * Starts a deployment: its processes read and check the file, the ports are checked, then the database is started,
 * while the processes load, and they go on. Resolves when all serve. `cancel` ends what was started so far.
 * Throws an `OperatorError` if it cannot start.
 */
export async function runDeployment(options: RunOptions, steps: Steps, cancel?: AbortSignal): Promise<RunningDeployment> {
  const file = findDeploymentFile(options.deployment);
  const name = nameIn(file);
  if (!name) throw new OperatorError(`${file}: "name" is missing or wrong; it must start with a letter and hold at most 31 lower-case letters, digits and hyphens`);
  const folder = stateFolder(name);
  makeStateFolder(folder);
  const chosen = await choosePlacement(folder, file, options.placement);
  const run = await claim(folder, file, chosen);
  const ends: (() => Promise<void>)[] = [async () => removeRun(folder)];
  const looked = Promise.withResolvers<readonly KeptInstance[]>();
  const unheed = restartOnRequest(folder, run, looked.promise);
  const stop = async () => {
    unheed();
    for (let end = ends.pop(); end; end = ends.pop()) await end();
  };
  try {
    const { kept, modules } = await tellingFullDisk(folder.directory, () => startParts({ options, steps, folder, run, chosen, ends, cancel }));
    looked.resolve(kept);
    return { run, modules, folder, restart: async () => void (await Promise.all(kept.map(({ keeper }) => keeper.restart()))), stop };
  } catch (error) {
    await stop();
    throw cancel?.aborted ? new OperatorError(`${name} was stopped before it was ready`) : error;
  }
}

/** Two controllers of one deployment would fight over its database. */
async function claim(folder: StateFolder, file: string, { placement, instances }: ChosenPlacement): Promise<RunRecord> {
  return withStartLock(`deployment ${folder.directory}`, async () => {
    const other = currentRun(folder);
    if (other) throw new AlreadyRunning(other);
    await endLeftovers(lastRun(folder));
    const run: RunRecord = {
      name: folder.name,
      file,
      placement,
      state: 'starting',
      started: new Date().toISOString(),
      controller: identify(process.pid)!,
      instances: instances.map((instance) => ({ ...instance, state: 'starting', restarts: 0 })),
      embeddedPostgres: !process.env.DATABASE_URL,
    };
    await tellingFullDisk(folder.directory, async () => writeRun(folder, run));
    return run;
  });
}

interface Parts {
  options: RunOptions;
  steps: Steps;
  folder: StateFolder;
  run: RunRecord;
  chosen: ChosenPlacement;
  /** What ends each part that was started, in order of their start. */
  ends: (() => Promise<void>)[];
  cancel: AbortSignal | undefined;
}

async function startParts(parts: Parts): Promise<{ kept: KeptInstance[]; modules: string[] }> {
  const { steps, folder, run, ends, cancel } = parts;
  makeSecrets(folder);
  rotateLog(folder.log);
  await choosePeerPorts(run);
  const publicPlace = await choosePublicPlace(parts);
  const database = Promise.withResolvers<string>();
  const kept = keepInstances(parts, { database: database.promise, publicPlace });
  const started = Promise.all(kept.map((one) => startInstance(one, run)));
  started.catch(() => {});
  // PostgreSQL ends after the processes, whichever came first.
  ends.push(() => stopInstances(kept));
  cancel?.addEventListener('abort', () => void stopInstances(kept), { once: true });
  const summaries = await steps.step('checking the deployment', () => Promise.all(kept.map(({ checked }) => checked)));
  run.phase = summaries[0]!.phase;
  await preparePorts(parts, { kept, summaries, publicPort: publicPlace?.port });
  keepPlacement(folder, parts.chosen);
  database.resolve(process.env.DATABASE_URL || await steps.step('starting PostgreSQL', (say) => startPostgres(parts, say)));
  await steps.step(`starting ${run.name}${kept.length > 1 ? `, ${kept.length} processes` : ''}`, () => started);
  return { kept, modules: [...new Set(summaries.flatMap(({ modules }) => modules))] };
}

/** What one process holds at most, with room for a person and for one that takes its place. */
const connectionsOfProcess = 100;

async function startPostgres({ folder, run, ends }: Parts, say: (text: string) => void): Promise<string> {
  const postgres = await keepPostgres({ directory: folder.postgres, connections: (run.instances.length + 1) * connectionsOfProcess, say: (text) => warnInLog(folder.log, text), onProgress: say });
  ends.splice(1, 0, postgres.stop);
  if (postgres.adopted) say('it was running already');
  return postgres.adminUrl(run.name);
}

/** What comes from outside ends first, so that those that answer it are still there. */
async function stopInstances(kept: KeptInstance[]): Promise<void> {
  for (const part of [kept.filter(({ isPublic }) => isPublic), kept.filter(({ isPublic }) => !isPublic)]) await Promise.all(part.map(({ keeper }) => keeper.stop()));
}

/** Where the processes call each other; the same as long as they run. */
async function choosePeerPorts({ instances }: RunRecord): Promise<void> {
  if (instances.length === 1) return;
  const ports = await freePorts('127.0.0.1', instances.length);
  instances.forEach((instance, at) => { instance.peer = `http://127.0.0.1:${ports[at]}`; });
}

/**
 * Where all processes with the public port serve, chosen if the deployment leaves the choice: access tokens name the address, so the first
 * process must know it as those that come after it do. Nothing if the deployment file is not right: its process tells that.
 */
async function choosePublicPlace({ options, run }: Parts): Promise<Place | undefined> {
  const place = publicPlaceIn(run.file);
  const port = options.port ?? (process.env.MAINSTAY_PORT ? Number(process.env.MAINSTAY_PORT) : place?.port);
  if (!place || !Number.isInteger(port)) return undefined;
  await requireFreePort({ section: 'http', host: place.host, port: port! });
  return { host: place.host, port: port! || (await anyFreePort(place.host).catch(() => 0)) };
}

interface PortsToPrepare {
  kept: KeptInstance[];
  summaries: DeploymentSummary[];
  publicPort: number | undefined;
}

/**
 * The public port is one for all that have it, and the operators' port of the file is the first one's; the others get free
 * ones, the same as long as they run. Another --port than the file's comes with another port for operators, which is the
 * same at the next start.
 */
async function preparePorts({ options, folder, run }: Parts, { kept, summaries, publicPort = 0 }: PortsToPrepare): Promise<void> {
  const first = kept.find(({ isPublic }) => isPublic)!;
  const { http, operators } = summaries[kept.indexOf(first)]!;
  if (operators && operators.port !== 0 && operators.port === http.port) throw new OperatorError(`port ${http.port} can't be for operators too; choose another with --port N, or for operators in the deployment file`);
  for (const { ports } of kept) ports.http = publicPort;
  if (!operators) return;
  await requireFreePort({ section: 'operators', ...operators });
  const earlier = options.port === undefined ? undefined : await keptOperatorsPort(folder, operators.host);
  if (earlier !== undefined && earlier !== http.port) first.ports.operators = earlier;
  const taken = new Set([publicPort, ...Object.values(first.ports), ...run.instances.flatMap(({ peer }) => (peer ? [portOf(peer)] : []))]);
  const others = kept.filter((one) => one !== first);
  const free = others.length > 0 ? await freePorts(operators.host, others.length, taken) : [];
  others.forEach(({ ports }, at) => { ports.operators = free[at]!; });
}

function keepInstances({ options, steps, folder, run }: Parts, known: Pick<InstanceToKeep, 'database' | 'publicPlace'>): KeptInstance[] {
  const changed = (one: KeptInstance, ready?: Ready) => {
    if (ready) served({ options, folder, run }, one, ready);
    const states = run.instances.map(({ state }) => state);
    run.state = states.find((state) => state !== 'running') ?? 'running';
    whereThereIsRoom(() => writeRun(folder, run));
  };
  return run.instances.map((instance) => keepInstance({ ...options, ...known, run, instance, folder, steps, changed }));
}

function served({ options, folder, run }: Pick<Parts, 'options' | 'folder' | 'run'>, one: KeptInstance, ready: Ready): void {
  const chosen = chosenPorts(ready);
  Object.assign(one.ports, one.isPublic ? chosen : { operators: chosen.operators });
  run.quarantined = Object.assign({}, ...run.instances.map(({ quarantined }) => quarantined)) as Record<string, string>;
  const isFirst = run.instances.find(({ address }) => address !== undefined) === one.instance;
  if (!isFirst) return;
  Object.assign(run, { address: ready.address, operatorsAddress: ready.operatorsAddress });
  if (options.port !== undefined && one.ports.operators !== undefined) whereThereIsRoom(() => keepOperatorsPort(folder, one.ports.operators!));
}

/** What runs is not told anew while the disk is full; that ends nothing. */
function whereThereIsRoom(write: () => void): void {
  try {
    write();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
