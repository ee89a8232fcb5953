import { ConnectError } from '@connectrpc/connect';
import { collectRecords, type Collector } from '../commands/collect-records.ts';
import { DiskRoom } from '../data/disk-room.ts';
import { databaseOf } from '../data/connection.ts';
import { poolSize } from '../data/pool.ts';
import { provision } from '../data/provision.ts';
import { emailCatalogue, emailProblems } from '../emails/read-templates.ts';
import { deliverElsewhere } from '../events/deliver-elsewhere.ts';
import { inOrderOfNeed, permissionsOf, problemsOf, unmetRequirements } from '../module/check-modules.ts';
import type { EventType, Module } from '../module/define-module.ts';
import type { Deployment } from '../module/deployment.ts';
import type { Sender } from '../module/sender.ts';
import { StartError } from '../module/start-error.ts';
import { networkView } from '../peers/network-view.ts';
import { Network } from '../peers/network.ts';
import { databaseNameOf, findInstance, inOneProcess } from '../placement/placement.ts';
import { InProcessRegistry } from '../placement/in-process-registry.ts';
import { requireDataFolder } from './data-folder.ts';
import { SettingsOfProcess } from '../settings/settings-of-process.ts';
import { shardsOfDeployment } from './shards-of-deployment.ts';
import { provisionShard } from '../shards/provision-shard.ts';
import type { PeerServer } from '../remote/serve-peers.ts';
import { startJobs, type JobsOptions, type RunningJobs } from './jobs.ts';
import { ModuleStates } from './module-states.ts';
import type { ProcessOptions } from './process-options.ts';
import { OperationsOfDeployment } from './operations-of-deployment.ts';
import { OperationsOfProcess } from './operations.ts';
import { modulesOf } from './modules-of-deployment.ts';
import { openInternalPort } from './open-internal-port.ts';
import { openPorts, type OpenPorts } from './open-ports.ts';
import { whenReachable } from './when-reachable.ts';
import { wantedHere } from './kernel-operations.ts';
import { WantedEvents } from '../webhooks/wanted-events.ts';
import { runSender } from './run-sender.ts';
import { loadFirstData, orQuarantine, startModule, useModulesElsewhere, type Part, type Starting } from './start-module.ts';
import { startTelemetry } from './watch-process.ts';

export interface RunningProcess {
  /** Where it is reached, such as `http://localhost:4400`: by everybody, or by the other processes alone. */
  address: string;
  /** Whether the address is for everybody. */
  isPublic: boolean;
  /** Where operators and their tools read metrics, such as `http://localhost:4401`; absent if it is off. */
  operatorsAddress?: string;
  /** The modules that do not run, and why: for the operator alone. */
  quarantined(): Record<string, string>;
  /** `isTakenOver`: another process serves in its place already, and nobody may notice that this one ends. */
  stop(isTakenOver?: boolean): Promise<void>;
}

/**
 * Starts the enabled modules of a deployment in this process, and opens its port.
 * Throws a `StartError` that names everything that keeps it from starting; a module marked optional is
 * quarantined instead, and the others run.
 */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const modules = soundModules(options.deployment);
  // One object: what tells of the process looks at it.
  const starting: Starting = Object.assign(begin(options, modules), { telemetry: await startTelemetry(options) });
  const { here, room, log } = starting;
  await openDatabase(starting);
  connect(starting, options);
  await room.watch(starting.databaseUrl, starting.database);
  for (const module of modules.filter(({ name }) => here.modules.includes(name))) await orQuarantine(starting, module, () => startModule(starting, module));
  if (!starting.guard) throw new StartError(['the module that provides the guard could not start, and nothing runs without it']);
  if (!starting.gateway && modules.some(({ name, gateway }) => gateway && here.modules.includes(name))) throw new StartError(['the module that provides the gateway could not start, and nothing is reached from outside without its policies']);
  let internal = options.succeeds ? undefined : await openInternalPort(starting);
  starting.network?.peers.start();
  try {
    for (const part of starting.parts) await orQuarantine(starting, part.module, () => loadFirstData(starting, part));
    const work = await startWork(starting);
    const { server, operators } = await openPorts(starting, work.jobs).catch(async (error: unknown) => {
      starting.wanted.stop();
      await Promise.all([work.jobs.stop(), ...work.senders.map((sender) => sender.stop())]);
      throw error;
    });
    await starting.shards?.start();
    starting.isReady = true;
    internal ??= await openInternalPort(starting);
    log.debug({ process: here.name }, 'all of this process has started');
    return running(starting, { ...work, server, operators, internal });
  } catch (error) {
    await starting.shards?.stop();
    await internal?.close();
    await starting.network?.stop();
    throw error;
  }
}

interface Work {
  jobs: RunningJobs;
  collector: Collector | undefined;
  /** What its modules send to the outside, beside the queue. */
  senders: Pick<Sender, 'stop'>[];
}

interface Opened extends Work, OpenPorts {
  internal: PeerServer | undefined;
}

function running(starting: Starting, opened: Opened): RunningProcess {
  const { server, operators, internal } = opened;
  return {
    address: server?.address ?? internal!.address,
    isPublic: server !== undefined,
    ...(operators && { operatorsAddress: operators.address }),
    quarantined: () => Object.fromEntries(starting.states.all().flatMap(({ name, problem }) => (problem === undefined ? [] : [[name, problem]]))),
    stop: (isTakenOver = false) => stop(starting, opened, isTakenOver),
  };
}

/** Takes nothing new, finishes what was begun, and closes. */
async function stop(starting: Starting, { server, jobs, internal, collector, operators, senders }: Opened, isTakenOver: boolean): Promise<void> {
  const { parts, network, audit, room, telemetry, owned, shards } = starting;
  starting.isReady = false;
  await shards?.stop();
  network?.hurry();
  starting.wanted.stop();
  await Promise.all([server?.close(isTakenOver), jobs.stop(), ...senders.map((sender) => sender.stop())]);
  await internal?.drain();
  await internal?.close();
  await Promise.all(parts.map(({ commands }) => commands.close()));
  await collector?.stop();
  await audit?.stop?.();
  await Promise.all(parts.map(({ database }) => database.close()));
  await network?.stop();
  await owned?.close();
  await operators?.close();
  room.stop();
  await telemetry.stop();
}

/** Makes this process's database, where it is missing. */
async function openDatabase(starting: Starting): Promise<void> {
  const { databaseUrl: adminUrl, database, main, secret, here, log } = starting;
  const place = { adminUrl, database, secret, modules: here.modules };
  const { process, shard } = here;
  const open = async () => {
    if (shard) starting.owned = await provisionShard({ ...place, main, process, shard });
    else await provision(place);
  };
  await whenReachable(log, open).catch((error: unknown) => {
    if (error instanceof StartError) throw error;
    throw new StartError([`the database of DATABASE_URL can not be used: ${ConnectError.from(error).rawMessage}`], { cause: error });
  });
}

/** Opens the way to the other processes, if there are any. */
function connect(starting: Starting, { peers = {}, placement }: ProcessOptions): void {
  const { registry, modules, here, log, deployment, telemetry } = starting;
  if (!placement || placement.instances.length < 2) return;
  starting.network = new Network({ secret: starting.secret, calls: deployment.calls, placement, here: here.name, addresses: peers, modules, local: registry.transport, guard: () => starting.guard!, ownsSlot: (slot) => starting.owned?.slots.has(slot) === true, log });
  starting.transport = starting.network.transport;
  telemetry.add(starting.network.resilience.metrics);
  const operations = new OperationsOfDeployment(starting.operations, starting.network);
  starting.operationsForOthers = operations.forOthers;
  starting.info.operations = operations;
  starting.info.shards = starting.shards = shardsOfDeployment({ ...starting, placement });
  useModulesElsewhere(starting);
}

/** The modules whose events this process sends to another one. */
function elsewhere({ network, modules }: Starting): Pick<JobsOptions, 'elsewhere'> {
  return network ? { elsewhere: { modules: modules.filter(({ name }) => network.hasOwnDatabase(name)), deliver: deliverElsewhere(network) } } : {};
}

/** Whether other processes work on the queue of this one's database. */
const isQueueShared = ({ placement, here }: Starting): boolean => placement?.instances.some(({ name, database }) => name !== here.name && database === here.database) === true;

/** Jobs, schedules and deliveries of events, and the way of records to the audit. */
async function startWork(starting: Starting): Promise<Work> {
  const { databaseUrl: adminUrl, database, parts, states, modules, audit, room, log } = starting;
  const sound = parts.filter(({ module }) => !states.problemOf(module.name));
  const jobs = await whenReachable(log, () => startJobs({ adminUrl, database, modules: sound, subscribed: modules, ...elsewhere(starting), log, isShared: isQueueShared(starting), audited: audit !== undefined, keepDays: starting.deployment.events?.keepDays, room, tasks: starting.telemetry.tasks }));
  starting.jobsQueued = jobs.queued;
  starting.operations.start(jobs.pool, sound);
  const collector = audit && collectRecords({ adminUrl, database, modules: sound.map(({ module }) => module.name), audit, room, log });
  if (collector) starting.recordsKept = () => collector.soon();
  await hearWanted(starting, sound, jobs);
  return { jobs, collector, senders: sound.flatMap(({ sender }) => (sender ? [runSender(sender, log)] : [])) };
}

/** Other systems are told of events by one module; wherever events are announced it must be known which of them they want. */
async function hearWanted(starting: Starting, sound: readonly Part[], { pool }: RunningJobs): Promise<void> {
  const { modules, network, wanted, log } = starting;
  const teller = modules.find(({ outboundWebhooks }) => outboundWebhooks)?.name;
  if (!teller) return;
  const ask = () => (sound.some(({ outbound }) => outbound) || !network ? wantedHere(starting) : network.operate<string[]>(teller, 'webhooks.wanted'));
  await wanted.start({ pool, module: teller, ask, log });
}

/** The enabled modules in the order of their needs; throws a `StartError` with everything that is wrong about them. */
export function soundModules({ modules: enabled }: Deployment): Module[] {
  const modules = enabled.map(({ module }) => module);
  const needed = enabled.filter(({ optional }) => !optional).flatMap(({ module }) => unmetRequirements(module, modules));
  const problems = [...problemsOf(modules), ...needed, ...emailProblems(modules)];
  if (problems.length > 0) throw new StartError(problems);
  return inOrderOfNeed(modules);
}

const eventTypesOf = (modules: readonly Module[]): EventType[] => modules.flatMap(({ name: module, emits = [] }) => emits.map(({ typeName: name }) => ({ module, name })));

/** What listens on every interface is reached on this machine, if nothing else is said. */
const reachable = (host: string): string => (host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host);

function begin(options: ProcessOptions, modules: readonly Module[]): Omit<Starting, 'telemetry'> {
  const { deployment, secret, databases = {}, placement = inOneProcess(modules.map(({ name }) => name)) } = options;
  const here = findInstance(placement, options.instance ?? placement.instances[0]!.name);
  if (!here) throw new StartError([`the placement ${placement.name} has no process "${options.instance}"`]);
  const states = new ModuleStates(deployment.modules.filter(({ module }) => here.modules.includes(module.name)));
  const address = deployment.http.publicAddress ?? `http://${reachable(deployment.http.host)}:${deployment.http.port}`;
  const settings = new SettingsOfProcess(deployment.modules, options.log);
  const operations = new OperationsOfProcess(deployment.events?.keepDays);
  const main = { adminUrl: options.databaseUrl, database: options.databaseName ?? databaseOf(options.databaseUrl) };
  const registry = new InProcessRegistry();
  const begun: Omit<Starting, 'telemetry'> = {
    ...options,
    databaseUrl: databases[here.database] ?? options.databaseUrl,
    database: databaseNameOf(main.database, here),
    main,
    poolSize: poolSize(here.modules.length, options.connections),
    modules,
    here,
    isReady: false,
    withFirstData: new Set(),
    transport: registry.transport,
    states,
    registry,
    served: [],
    parts: [],
    room: new DiskRoom(options.log),
    recordsKept: () => {},
    jobsQueued: () => {},
    info: { name: deployment.name, phase: deployment.phase, address, secret, get dataFolder() { return requireDataFolder(options.dataFolder); }, modules: () => modulesOf(begun), get network() { return networkView(begun); }, eventTypes: eventTypesOf(modules), permissions: permissionsOf(modules), settings, emails: emailCatalogue(modules), operations },
    settings,
    operations,
    wanted: new WantedEvents(),
  };
  return begun;
}
