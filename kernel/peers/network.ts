import type { DescService } from '@bufbuild/protobuf';
import type { Transport } from '@connectrpc/connect';
import type { AuditLog } from '../audit/audit-log.ts';
import type { Guard } from '../guard/guard.ts';
import type { Module } from '../module/define-module.ts';
import { databasesOf, isSharded, type Instance, type Placement } from '../placement/placement.ts';
import { RemoteTransport } from '../remote/remote-transport.ts';
import type { CallsOptions } from '../resilience/calls-config.ts';
import { Resilience } from '../resilience/resilience.ts';
import type { SettingsStore, StoredSetting } from '../settings/settings-store.ts';
import type { Logger } from '../telemetry/log.ts';
import { depart, kernelCall } from './peer-headers.ts';
import { Peers } from './peers.ts';
import { RoutingTransport } from './routing-transport.ts';
import { operateAt } from './serve-peers-service.ts';

export interface NetworkOptions {
  placement: Placement;
  /** The name of this process. */
  here: string;
  /** Where each process is called, by its name. */
  addresses: Readonly<Record<string, string>>;
  /** Every module of the deployment. */
  modules: readonly Module[];
  local: Transport;
  guard: () => Guard;
  /** How calls are made; with certificates where the deployment has them. */
  calls: CallsOptions | undefined;
  ownsSlot?: (slot: number) => boolean;
  secret: string;
  log: Logger;
}

/** How long a process waits for another that it tells what was changed, in milliseconds. */
const TELLING = 500;

/** The other processes of the deployment, and the way to what they run. */
export class Network {
  readonly peers: Peers;
  /** What clients call through: finds each service where it runs. */
  readonly transport: RoutingTransport;
  readonly here: Instance;
  readonly resilience: Resilience;

  constructor({ placement, here, addresses, modules, local, guard, calls, ownsSlot, secret, log }: NetworkOptions) {
    const { tls } = calls ?? {};
    const connect = ({ name: to }: Instance) => new RemoteTransport({ address: addresses[to]!, depart: (call, header) => depart(call ?? kernelCall(), header, { guard: guard(), from: here, to }), ...(tls && { tls }) });
    this.resilience = new Resilience(calls);
    this.peers = new Peers({ placement, here, connect, guarded: (instance, transport) => this.resilience.around(instance.name, transport), log });
    this.here = this.peers.here;
    this.transport = new RoutingTransport({ local, peers: this.peers, modules, secret, ...(ownsSlot && { ownsSlot }) });
  }

  /** Asks a process that runs a module for one of its kernel's operations. */
  operate<R>(module: string, operation: string, ...given: unknown[]): Promise<R> {
    return this.transport.toKernelOf(module, (client) => operateAt<R>(client, operation, ...given));
  }

  /** The databases of the deployment, in the order of the placement. */
  get databases(): readonly string[] {
    return databasesOf(this.peers.placement);
  }

  /** Asks a process that has a database for one of its kernel's operations. */
  operateOn<R>(database: string, operation: string, ...given: unknown[]): Promise<R> {
    return this.transport.toDatabase(database, (client) => operateAt<R>(client, operation, ...given));
  }

  /** Whether any process runs a module. */
  runs(module: string): boolean {
    return this.peers.placement.instances.some(({ modules }) => modules.includes(module));
  }

  isSharded(module: string): boolean {
    return isSharded(this.peers.placement, module);
  }

  /** The shards of a module, by their indices. */
  shardsOf(module: string): number[] {
    return [...new Set(this.peers.placement.instances.flatMap(({ modules, shard }) => (shard && modules.includes(module) ? [shard.index] : [])))];
  }

  /** Whether a process with another database runs a module, so that its events do not wait in this one's queue. */
  hasOwnDatabase(module: string): boolean {
    return !this.peers.placement.instances.some(({ modules, database }) => modules.includes(module) && database === this.here.database);
  }

  /** Tells the others that sessions, API keys or accounts were changed; those that do not answer soon ask again by themselves within two seconds. */
  async tellChanged(ids: ReadonlySet<string>): Promise<void> {
    await Promise.allSettled(this.peers.all.filter(({ reachable }) => reachable).map(({ client }) => client.tellChanged({ ids: [...ids] }, { timeoutMs: TELLING })));
  }

  /** Waits for no process any more: this one is about to end, and what others have to know of it can wait. */
  hurry(): void {
    this.transport.isPatient = false;
  }

  stop(): Promise<void> {
    return this.peers.stop();
  }
}

/** The guard of one of several processes: what changes here is told to the others before whoever changed it hears that it is done. */
export function guardAmongPeers(guard: Guard, network: Network): Guard {
  return {
    ...guard,
    decide(request) {
      const decided = guard.decide(request);
      const telling = (decision: Awaited<typeof decided>) => {
        const ended = decision.allowed ? decision.ended : undefined;
        if (!ended) return decision;
        return { ...decision, ended: (changed: ReadonlySet<string>) => {
          const here = ended(changed);
          return changed.size === 0 ? here : network.tellChanged(changed);
        } };
      };
      return decided instanceof Promise ? decided.then(telling) : telling(decided);
    },
  };
}

/** The audit where another process keeps it. */
export const auditElsewhere = (network: Network, module: string): AuditLog => ({ append: (entries) => network.operate(module, 'audit.append', entries) });

/** The settings where another process keeps them: as they were told last while it does not answer. */
export function settingsElsewhere(network: Network, module: string, log: Logger): SettingsStore {
  let known = false;
  return {
    async changesSince(revision) {
      try {
        const changes = await network.operate<StoredSetting[]>(module, 'settings.changesSince', revision);
        known = true;
        return changes;
      } catch (error) {
        if (!known) throw error;
        log.warn({ err: error }, 'settings that were changed meanwhile are not known yet: the process that keeps them does not answer');
        return [];
      }
    },
  };
}

/** Whether a process may speak for a module: it runs it, or it is a process of the deployment, which speaks for the guard and for its kernel. */
export function speaksFor({ instances }: Placement, modules: readonly Module[]): (process: string, module: string) => boolean {
  const known = new Map(instances.map((instance) => [instance.name, new Set([...instance.modules, 'kernel', ...modules.filter(({ guard }) => guard).map(({ name }) => name)])]));
  return (process, module) => known.get(process)?.has(module) === true;
}

/** The services of modules that run elsewhere. */
export const servicesElsewhere = (modules: readonly Module[], here: Instance): { module: string; service: DescService }[] =>
  modules.filter(({ name }) => !here.modules.includes(name)).flatMap(({ name, services = [] }) => services.map(({ service }) => ({ module: name, service })));
