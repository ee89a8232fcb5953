import type { DescService } from '@bufbuild/protobuf';
import type { ServiceImpl, Transport } from '@connectrpc/connect';
import type { AuditLog } from '../audit/audit-log.ts';
import { Commands } from '../commands/commands.ts';
import { loadBootstrap } from '../data/bootstrap.ts';
import { connectionConfig, withClient, type AdminUrl } from '../data/connection.ts';
import { createDatabase, type ModuleDatabase } from '../data/create-database.ts';
import { watchRoom, type DiskRoom } from '../data/disk-room.ts';
import { migrate } from '../data/migrate.ts';
import { kernelErrors } from '../errors/kernel-errors.ts';
import { gatewayFacts } from '../gateway/gateway-facts.ts';
import type { Gateway } from '../gateway/gateway.ts';
import { runInCall } from '../guard/call.ts';
import type { FileStorage } from '../files/file-storage.ts';
import { openStorage, storageBelow } from '../files/open-storage.ts';
import type { Guard } from '../guard/guard.ts';
import type { ServedService } from '../http/start-http-server.ts';
import { guardFacts, neededBy, unmetRequirements } from '../module/check-modules.ts';
import type { Context, DeploymentInfo, Module } from '../module/define-module.ts';
import type { Sender } from '../module/sender.ts';
import { StartError } from '../module/start-error.ts';
import { createClient } from '../placement/create-client.ts';
import { auditElsewhere, guardAmongPeers, settingsElsewhere, speaksFor, type Network } from '../peers/network.ts';
import type { InProcessRegistry } from '../placement/in-process-registry.ts';
import { moduleTransport } from '../placement/module-transport.ts';
import type { Instance } from '../placement/placement.ts';
import { serveMethods } from '../placement/serve-methods.ts';
import type { OwnedSlots } from '../shards/owned-slots.ts';
import type { SlotMoves } from '../shards/slot-moves.ts';
import type { SettingsOfProcess } from '../settings/settings-of-process.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { OutboundWebhooks } from '../webhooks/outbound-webhooks.ts';
import type { WantedEvents } from '../webhooks/wanted-events.ts';
import type { ModuleStates } from './module-states.ts';
import type { OperationsOfDeployment } from './operations-of-deployment.ts';
import type { OperationsOfProcess } from './operations.ts';
import type { ProcessOptions } from './process-options.ts';
import { asSender, senderOf } from './run-sender.ts';
import { whenReachable } from './when-reachable.ts';

/** A module with everything its code needs. */
export interface Part {
  module: Module;
  context: Context;
  database: ModuleDatabase<unknown>;
  commands: Commands;
  /** In a shard: which orgs are here. */
  ownsOrg?: (orgId: string) => boolean;
  /** What tells other systems of events, if it is this module. */
  outbound?: OutboundWebhooks;
  /** What it sends to the outside, beside the queue. */
  sender?: Sender;
}

/** What the parts of a starting process share. */
export interface Starting extends ProcessOptions {
  /** The database of this process on the server. */
  database: string;
  /** The deployment's own database. */
  main: { adminUrl: AdminUrl; database: string };
  /** Most connections of one module. */
  poolSize: number;
  states: ModuleStates;
  registry: InProcessRegistry;
  served: ServedService[];
  /** Every module of the deployment, each after those that it requires. */
  modules: readonly Module[];
  /** What this process is in the placement. */
  here: Instance;
  /** The modules whose first data is in place. */
  withFirstData: Set<string>;
  /** It has started wholly, and is not about to end. */
  isReady: boolean;
  /** The way to the other processes, if there are any. */
  network?: Network;
  /** What modules call through. */
  transport: Transport;
  /** What this process owns, if it is a shard. */
  owned?: OwnedSlots;
  /** Lists shards and moves slots, where operators are served. */
  shards?: SlotMoves;
  parts: Part[];
  guard?: Guard;
  /** How full the disk of the database is. */
  room: DiskRoom;
  /** Opened for the first module that keeps files. */
  storage?: FileStorage;
  audit?: AuditLog;
  gateway?: Gateway;
  telemetry: Telemetry;
  info: DeploymentInfo;
  settings: SettingsOfProcess;
  /** The events that other systems want to be told of. */
  wanted: WantedEvents;
  operations: OperationsOfProcess;
  /** What of them other processes may ask for. */
  operationsForOthers?: OperationsOfDeployment['forOthers'];
  /** Called when a module kept records of commands. */
  recordsKept: () => void;
  /** Called when a module committed work for the queue. */
  jobsQueued: () => void;
}

/** Migrates a module's tables, makes its services and puts them behind the door. */
export async function startModule(starting: Starting, module: Module): Promise<void> {
  const { databaseUrl: adminUrl, database, secret, deployment, here } = starting;
  const unmet = unmetRequirements(module, deployment.modules.map((enabled) => enabled.module));
  if (unmet.length > 0) throw new StartError(unmet);
  const { migrations } = module.database ?? {};
  if (migrations) await whenReachable(starting.log, () => migrate({ adminUrl, database, module: module.name, migrations }));
  const handled = new Set(deployment.modules.flatMap((enabled) => (enabled.module.events ?? []).map(({ event }) => event.typeName)));
  const tables = createDatabase<unknown>({ adminUrl, database, module: module.name, secret, poolSize: starting.poolSize, declared: { ...module, isHandled: (type) => handled.has(type) || starting.wanted.has(type) }, sharded: starting.owned !== undefined, replicated: here.replica !== undefined, queued: () => starting.jobsQueued() });
  watchRoom(tables, starting.room);
  const context = contextOf(starting, module, tables);
  const commands = new Commands({ database: tables, secret, log: starting.log, kept: () => starting.recordsKept() });
  const part: Part = { module, context, database: tables, commands, ...ownership(starting.owned) };
  starting.parts.push(part);
  const made = (module.services ?? []).map(({ service, implement }) => ({ service, implementation: implement(context) }));
  if (module.guard) starting.guard = guardOf(starting, module, context);
  if (module.audit) starting.audit = auditOf(module.name, module.audit(context));
  if (module.gateway) starting.gateway = module.gateway(context, gatewayFacts(starting, module.name));
  if (module.settingsStore) starting.settings.useStore(module.name, module.settingsStore(context));
  if (module.outboundWebhooks) part.sender = part.outbound = outboundOf(module.name, module.outboundWebhooks(context));
  if (module.sender) part.sender = senderOf(module.name, module.sender(context));
  for (const { service, implementation } of made) serveService(starting, module, service, implementation, commands);
  starting.states.setRunning(module.name);
}

/** What a module's code may use here. */
function contextOf(starting: Starting, module: Module, tables: ModuleDatabase<unknown> | undefined): Context {
  const { deployment, info, settings, log } = starting;
  const transport = moduleTransport(module.name, starting.transport);
  const clients = Object.entries(module.requires as Record<string, DescService>).map(([alias, service]) => [alias, createClient(service, transport)]);
  return {
    ...Object.fromEntries(clients),
    config: deployment.modules.find((enabled) => enabled.module === module)!.config,
    db: tables,
    settings: settings.readerOf(module.name),
    log: log.child({ module: module.name }),
    get files() { return storageBelow((starting.storage ??= openStorage(deployment.files ?? {}, info.dataFolder)), module.name); },
    deployment: info,
  } as Context;
}

function guardOf({ modules, network }: Starting, module: Module, context: Context): Guard {
  const facts = guardFacts(modules);
  if (!network) return module.guard!(context, facts);
  const guard = module.guard!(context, { ...facts, speaksFor: speaksFor(network.peers.placement, modules) });
  if (!guard.introduce || !guard.recognise) throw new StartError([`the guard of ${module.name} can not tell processes of the deployment from others, so it can only be placed in one process: let it have introduce and recognise`]);
  return guardAmongPeers(guard, network);
}

/**
 * What every process needs of modules that others run: the guard, which decides wherever a service is served and here has
 * no tables of its own, and the way to the audit and the settings.
 */
export function useModulesElsewhere(starting: Starting): void {
  const { modules, here, network, log } = starting;
  if (!network) return;
  for (const module of modules) {
    if (here.modules.includes(module.name)) continue;
    if (module.guard) starting.guard = guardOf(starting, module, contextOf(starting, module, undefined));
    if (module.audit) starting.audit = auditElsewhere(network, module.name);
    if (module.settingsStore) starting.settings.useStore(module.name, settingsElsewhere(network, module.name, log));
  }
}

/** Outbound webhooks whose every method runs as the work of their module. What is taken runs in the event's own call, whose transaction it joins. */
const outboundOf = (module: string, outbound: OutboundWebhooks): OutboundWebhooks => ({ ...senderOf(module, outbound), wanted: () => asSender(module, () => outbound.wanted()), take: (event) => outbound.take(event) });

/** The audit of a module, which works for itself. */
function auditOf(module: string, audit: AuditLog): AuditLog {
  const asModule = <R>(work: () => R) => runInCall({ principal: { kind: 'module', module }, traceId: '0'.repeat(32) }, work);
  return { append: (entries) => asModule(() => audit.append(entries)), stop: async () => asModule(() => audit.stop?.()) };
}

function serveService(starting: Starting, module: Module, service: DescService, implementation: Partial<ServiceImpl<DescService>>, commands?: Commands): void {
  const { log, states, registry } = starting;
  const problem = () => states.problemOf(module.name);
  const owned = module.shardBy && starting.owned;
  const behindTheDoor = serveMethods(service, implementation, { module: module.name, guard: () => starting.guard!, problem, log, telemetry: starting.telemetry, commands, ...(owned && { requireOwn: (orgId: string) => owned.requireOwn(orgId) }) });
  registry.add(service, behindTheDoor);
  starting.served.push({ service, implementation: behindTheDoor, module: module.name });
}

/** Puts a module's first data in place: after that of the modules which it requires, and where several processes share its tables, in one after the other. */
export async function loadFirstData(starting: Starting, { module, context, ownsOrg }: Part): Promise<void> {
  const { announce, log, deployment: { phase }, states, withFirstData } = starting;
  const bootstrap = module.database?.bootstrap;
  if (bootstrap && !states.problemOf(module.name)) {
    await firstDataElsewhere(starting, module);
    await inTurn(starting, module, () => whenReachable(log, () => loadBootstrap({ module: module.name, bootstrap, phase, needs: context, tools: { announce }, ...(ownsOrg && { ownsOrg }) })));
  }
  withFirstData.add(module.name);
}

/** Which orgs a shard has, for the work of its own modules. */
const ownership = (owned: OwnedSlots | undefined): { ownsOrg?: (orgId: string) => boolean } => (owned ? { ownsOrg: (orgId) => owned.owns(orgId) } : {});

/** Waits for the first data of modules that run elsewhere and are required by this one. */
async function firstDataElsewhere({ network, modules, here, log }: Starting, module: Module): Promise<void> {
  if (!network) return;
  const elsewhere = neededBy(module, modules).filter(({ name }) => !here.modules.includes(name));
  await Promise.all(elsewhere.map(({ name }) => network.peers.untilFirstData(name, () => log.warn({ module: module.name, waitsFor: name }, 'the first data of a module waits for that of another'))));
}

function inTurn({ databaseUrl: adminUrl, database, here }: Starting, module: Module, work: () => Promise<void>): Promise<void> {
  if (!here.replica) return work();
  return withClient(connectionConfig(adminUrl, { database }), async (client) => {
    await client.query('select pg_advisory_lock(hashtext($1))', [`first data of ${module.name}`]);
    await work();
  });
}

/** Runs a step of a module's start. If it fails, an optional module is quarantined: its methods answer `unavailable`. */
export async function orQuarantine(starting: Starting, module: Module, step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    if (!starting.deployment.modules.some((enabled) => enabled.module === module && enabled.optional)) {
      throw error instanceof StartError ? error : new StartError([`${module.name} cannot start: ${problem}`], { cause: error });
    }
    starting.log.error({ err: error, module: module.name }, 'an optional module is quarantined');
    starting.states.quarantine(module.name, problem);
    serveAsUnavailable(starting, module);
  }
}

function serveAsUnavailable(starting: Starting, module: Module): void {
  const refuse = () => {
    throw kernelErrors.MODULE_QUARANTINED({ module: module.name });
  };
  for (const { service } of module.services ?? []) {
    if (starting.registry.has(service)) continue;
    serveService(starting, module, service, Object.fromEntries(service.methods.map(({ localName }) => [localName, refuse])) as never);
  }
}
