import { ConnectError } from '@connectrpc/connect';
import { collectRecords } from '../commands/collect-records.ts';
import { DiskRoom } from '../data/disk-room.ts';
import { databaseOf } from '../data/connection.ts';
import { poolSize } from '../data/pool.ts';
import { provision } from '../data/provision.ts';
import { startHttpServer, type HttpServer } from '../http/start-http-server.ts';
import { inOrderOfNeed, problemsOf, unmetRequirements } from '../module/check-modules.ts';
import type { Module } from '../module/define-module.ts';
import type { Deployment } from '../module/deployment.ts';
import { StartError } from '../module/start-error.ts';
import { platformVersion } from '../module/version.ts';
import { InProcessRegistry } from '../placement/in-process-registry.ts';
import { warmValidator } from '../placement/validate-message.ts';
import { requireDataFolder } from './data-folder.ts';
import { SettingsOfProcess } from '../settings/settings-of-process.ts';
import type { OperatorsPort } from '../telemetry/operators-port.ts';
import { startJobs, type RunningJobs } from './jobs.ts';
import { ModuleStates } from './module-states.ts';
import type { ProcessOptions } from './process-options.ts';
import { OperationsOfProcess } from './operations.ts';
import { whenReachable } from './when-reachable.ts';
import { loadFirstData, orQuarantine, startModule, type Starting } from './start-module.ts';
import { openOperators, startTelemetry } from './watch-process.ts';

export interface RunningProcess {
  /** Where it is reached, such as `http://localhost:4400`. */
  address: string;
  /** Where operators and their tools read metrics, such as `http://localhost:4401`; absent if it is off. */
  operatorsAddress?: string;
  /** The modules that do not run, and why: for the operator alone. */
  quarantined(): Record<string, string>;
  stop(): Promise<void>;
}

/**
 * Starts the enabled modules of a deployment in this process, and opens its port.
 * Throws a `StartError` that names everything that keeps it from starting; a module marked optional is
 * quarantined instead, and the others run.
 */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const modules = soundModules(options.deployment);
  const starting = { ...begin(options), telemetry: await startTelemetry(options) };
  const { databaseUrl: adminUrl, secret, log } = options;
  await whenReachable(log, () => provision({ adminUrl, database: starting.database, modules: modules.map(({ name }) => name), secret })).catch((error: unknown) => {
    throw new StartError([`the database of DATABASE_URL can not be used: ${ConnectError.from(error).rawMessage}`], { cause: error });
  });
  await starting.room.watch(adminUrl, starting.database);
  for (const module of modules) await orQuarantine(starting, module, () => startModule(starting, module));
  if (!starting.guard) throw new StartError(['the module that provides the guard could not start, and nothing runs without it']);
  if (!starting.gateway && modules.some(({ gateway }) => gateway)) throw new StartError(['the module that provides the gateway could not start, and nothing is reached from outside without its policies']);
  for (const part of starting.parts) await orQuarantine(starting, part.module, () => loadFirstData(starting, part));
  const sound = starting.parts.filter(({ module }) => !starting.states.problemOf(module.name));
  const jobs = await whenReachable(log, () => startJobs({ adminUrl, database: starting.database, modules: sound, subscribed: modules, log, audited: starting.audit !== undefined, room: starting.room, tasks: starting.telemetry.tasks }));
  starting.operations.start(jobs.pool);
  const collector = starting.audit && collectRecords({ adminUrl, database: starting.database, modules: sound.map(({ module }) => module.name), audit: starting.audit, room: starting.room, log });
  if (collector) starting.recordsKept = () => collector.soon();
  const ports = await openPorts(starting, jobs).catch(async (error: unknown) => {
    await jobs.stop();
    throw error;
  });
  const { server, operators } = ports;
  warmValidator(starting.served.flatMap(({ service }) => service.methods.map(({ input }) => input)));
  return {
    address: server.address,
    ...(operators && { operatorsAddress: operators.address }),
    quarantined: () => Object.fromEntries(starting.states.all().flatMap(({ name, problem }) => (problem === undefined ? [] : [[name, problem]]))),
    async stop() {
      await server.close();
      await jobs.stop();
      await Promise.all(starting.parts.map(({ commands }) => commands.close()));
      await collector?.stop();
      await starting.audit?.stop?.();
      await Promise.all(starting.parts.map(({ database }) => database.close()));
      await operators?.close();
      starting.room.stop();
      await starting.telemetry.stop();
    },
  };
}

/** The enabled modules in the order of their needs; throws a `StartError` with everything that is wrong about them. */
export function soundModules({ modules: enabled }: Deployment): Module[] {
  const modules = enabled.map(({ module }) => module);
  const needed = enabled.filter(({ optional }) => !optional).flatMap(({ module }) => unmetRequirements(module, modules));
  const problems = [...problemsOf(modules), ...needed];
  if (problems.length > 0) throw new StartError(problems);
  return inOrderOfNeed(modules);
}

function begin(options: ProcessOptions): Omit<Starting, 'telemetry'> {
  const { deployment, secret } = options;
  const states = new ModuleStates(deployment.modules);
  const address = `http://${deployment.http.host}:${deployment.http.port}`;
  const settings = new SettingsOfProcess(deployment.modules, options.log);
  const operations = new OperationsOfProcess();
  return {
    ...options,
    database: options.databaseName ?? databaseOf(options.databaseUrl),
    poolSize: poolSize(deployment.modules.length),
    states,
    registry: new InProcessRegistry(),
    served: [],
    parts: [],
    room: new DiskRoom(options.log),
    recordsKept: () => {},
    info: { name: deployment.name, phase: deployment.phase, address, secret, get dataFolder() { return requireDataFolder(options.dataFolder); }, modules: () => states.all(), settings, operations },
    settings,
    operations,
  };
}

/** The public port, and the operators' address beside it. */
async function openPorts(starting: Starting, jobs: RunningJobs): Promise<{ server: HttpServer; operators: OperatorsPort | undefined }> {
  let server: HttpServer | undefined;
  const operators = await openOperators(starting, jobs, () => server?.connections ?? 0);
  try {
    return { server: (server = await openPort(starting)), operators };
  } catch (error) {
    await operators?.close();
    throw error;
  }
}

async function openPort(starting: Starting): Promise<HttpServer> {
  const { deployment, served, parts, registry, states, log, gateway } = starting;
  const { host, port, bodyLimitBytes, connections } = deployment.http;
  const server = await startHttpServer({
    services: served,
    clients: parts.flatMap(({ module }) => (module.client ? [{ module: module.name, folder: module.client, pages: module.pages ?? {} }] : [])),
    transport: registry.transport,
    host,
    port,
    bodyLimitBytes,
    connections,
    ...(gateway && { gateway: { gateway, guard: () => starting.guard! } }),
    health: { ready: () => ({ ready: states.all().every(({ state }) => state !== 'starting'), modules: states.all().map(({ name, state }) => ({ name, state })) }) },
    info: { title: `Mainstay ${deployment.name}`, version: platformVersion },
    log,
    observed: deployment.telemetry,
  });
  for (const { service, module } of served) server.setServing(service.typeName, states.problemOf(module) === undefined);
  return server;
}
