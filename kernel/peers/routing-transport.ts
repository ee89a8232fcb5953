import { setTimeout as sleep } from 'node:timers/promises';
import type { DescMethod } from '@bufbuild/protobuf';
import type { ContextValues, Transport } from '@connectrpc/connect';
import { kernelErrors } from '../errors/kernel-errors.ts';
import { callKey, type Call } from '../guard/call.ts';
import type { Module } from '../module/define-module.ts';
import { isSharded } from '../placement/placement.ts';
import { gather } from '../shards/gather.ts';
import { slotOf } from '../shards/slots.ts';
import { markNotRun } from '../remote/not-run.ts';
import { givenUp, mayBeTriedElsewhere } from './nothing-ran.ts';
import type { Peer } from './peer.ts';
import type { Peers } from './peers.ts';

export interface RoutingOptions {
  /** The services of this process. */
  local: Transport;
  peers: Peers;
  /** Every module of the deployment. */
  modules: readonly Module[];
  /** What this process owns, if it is a shard. */
  ownsSlot?: (slot: number) => boolean;
  /** The deployment's secret. */
  secret: string;
}

/** Where a service runs. */
interface Place {
  module: string;
  here: boolean;
  sharded: boolean;
  /** The other processes that run it. */
  peers: readonly Peer[];
  /** Of a sharded service: what answers for all shards together. */
  all?: Transport;
}

/** A call that found nobody, or somebody who did not begin it, is tried again for so long, in milliseconds: a process starts again within that time. */
const PATIENCE = 8000;
const FIRST_PAUSE = 10;
const LONGEST_PAUSE = 250;

/**
 * Brings each call to where its service runs: a function of this process, or another process, chosen by the org's slot where
 * the module is in shards, and by how busy they are where there are several. A module does not see which.
 */
export class RoutingTransport implements Transport {
  /** Whether a call waits for a process that is not there at the moment. */
  isPatient = true;
  readonly #options: RoutingOptions;
  readonly #places = new Map<string, Place>();

  constructor(options: RoutingOptions) {
    this.#options = options;
    const { peers, modules } = options;
    for (const module of modules) {
      const here = peers.here.modules.includes(module.name);
      const running = peers.running(module.name);
      const sharded = isSharded(peers.placement, module.name);
      for (const { service } of module.services ?? []) this.#places.set(service.typeName, { module: module.name, here, sharded, peers: running });
    }
  }

  unary: Transport['unary'] = (method, signal, timeoutMs, header, input, values) => {
    const place = this.#placeOf(method);
    if (place.here && !place.sharded) return this.#options.local.unary(method, signal, timeoutMs, header, input, values);
    const all = this.#allOf(place, values);
    if (all) return all.unary(method, signal, timeoutMs, header, input, values);
    return this.#carry(place, { signal, timeoutMs, values }, (transport, left, carried) => transport.unary(method, signal, left, header, input, carried));
  };

  stream: Transport['stream'] = (method, signal, timeoutMs, header, input, values) => {
    const place = this.#placeOf(method);
    if (place.here && !place.sharded) return this.#options.local.stream(method, signal, timeoutMs, header, input, values);
    const all = this.#allOf(place, values);
    if (all) return all.stream(method, signal, timeoutMs, header, input, values);
    return this.#carry(place, { signal, timeoutMs, values }, (transport, left, carried) => transport.stream(method, signal, left, header, input, carried));
  };

  /** Asks the kernel of a process that runs a module; it is tried again like any call. */
  toKernelOf<R>(module: string, ask: Ask<R>): Promise<R> {
    return this.#ask({ module, here: false, sharded: false, peers: this.#options.peers.running(module) }, undefined, ask);
  }

  /** Asks the kernel of a process that has a database. */
  toDatabase<R>(database: string, ask: Ask<R>): Promise<R> {
    return this.#ask({ module: 'this', here: false, sharded: false, peers: this.#options.peers.all.filter(({ instance }) => instance.database === database) }, undefined, ask);
  }

  /** Asks the kernel of a shard of a module. */
  toShard<R>(module: string, shard: number, ask: Ask<R>): Promise<R> {
    return this.#ask({ module, here: false, sharded: false, peers: this.#options.peers.running(module).filter(({ instance }) => instance.shard?.index === shard) }, undefined, ask);
  }

  /** Asks the kernel of the shard of a module that has the rows of an org. */
  toOrgOf<R>(module: string, orgId: string, ask: Ask<R>): Promise<R> {
    return this.#ask({ module, here: false, sharded: true, peers: this.#options.peers.running(module) }, slotOf(orgId), ask);
  }

  #ask<R>(place: Place, slot: number | undefined, ask: Ask<R>): Promise<R> {
    return this.#try(place, slot, {}, (target) => ask((target as Peer).client));
  }

  #placeOf(method: DescMethod): Place {
    const place = this.#places.get(method.parent.typeName);
    if (!place) throw kernelErrors.NOT_PLACED({ service: method.parent.typeName });
    return place;
  }

  /** What answers for every shard at once, where the guard lets the caller act across orgs, or a module asks that acts in none. */
  #allOf(place: Place, values: ContextValues | undefined): Transport | undefined {
    if (!place.sharded) return undefined;
    const call = values?.get(callKey);
    if (!call?.acrossOrgs && !(call?.principal.kind === 'module' && call.principal.orgId === undefined)) return undefined;
    const { local, secret } = this.#options;
    return (place.all ??= gather({ shards: [...shardsOf(place).map((peers) => this.#toAnyOf(place, peers)), ...(place.here ? [local] : [])], secret }));
  }

  #toAnyOf(place: Place, peers: readonly Peer[]): Transport {
    const one = { ...place, peers, here: false, sharded: false };
    return {
      unary: (method, signal, timeoutMs, header, input, values) => this.#carry(one, { signal, timeoutMs, values }, (transport, left, carried) => transport.unary(method, signal, left, header, input, carried)),
      stream: (method, signal, timeoutMs, header, input, values) => this.#carry(one, { signal, timeoutMs, values }, (transport, left, carried) => transport.stream(method, signal, left, header, input, carried)),
    };
  }

  #carry<R>(place: Place, { signal, timeoutMs, values }: Carried, send: (transport: Transport, timeoutMs: number | undefined, values: ContextValues | undefined) => Promise<R>): Promise<R> {
    const org = place.sharded ? orgOf(values?.get(callKey)) : undefined;
    // Whoever acts in no org is answered alike by each shard: refused, as a rule.
    const slot = org === undefined ? undefined : slotOf(org);
    return this.#try(place, slot, { signal, timeoutMs }, (target, left) => send(target === 'here' ? this.#options.local : target.transport, left, values));
  }

  async #try<R>(place: Place, slot: number | undefined, { signal, timeoutMs }: Pick<Carried, 'signal' | 'timeoutMs'>, send: (target: Peer | 'here', timeoutMs: number | undefined) => Promise<R>): Promise<R> {
    const began = performance.now();
    for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * 2, LONGEST_PAUSE)) {
      const target = place.here && (slot === undefined || this.#options.ownsSlot?.(slot)) ? 'here' : this.#pick(place, slot);
      if (typeof target === 'object') target.underWay++;
      try {
        if (!target) throw markNotRun(kernelErrors.PEER_UNREACHABLE({ module: place.module }));
        return await send(target, timeoutMs === undefined ? undefined : timeoutMs - (performance.now() - began));
      } catch (error) {
        if (!mayBeTriedElsewhere(error) || performance.now() - began + pause > Math.min(this.isPatient ? PATIENCE : 0, timeoutMs ?? Infinity)) throw givenUp(error, place.module);
        if (slot !== undefined) await Promise.all(place.peers.map((peer) => this.#options.peers.ask(peer)));
        await sleep(pause * (0.5 + Math.random() / 2), undefined, { signal });
      } finally {
        if (typeof target === 'object') target.underWay--;
      }
    }
  }

  /** The least busy of those that can answer; one that is not there now only if there is no other, and none that hangs. */
  #pick(place: Place, slot: number | undefined): Peer | undefined {
    const able = slot === undefined ? place.peers : place.peers.filter(({ state }) => state?.slots.includes(slot));
    const best = [able.filter((peer) => peer.isReady), able.filter((peer) => peer.reachable), able.filter((peer) => !peer.hangs)].find((peers) => peers.length > 0) ?? [];
    return best.length < 2 ? best[0] : best.reduce((least, peer) => (peer.underWay < least.underWay || (peer.underWay === least.underWay && Math.random() < 0.5) ? peer : least));
  }
}

type Ask<R> = (client: Peer['client']) => Promise<R>;

interface Carried {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  values?: ContextValues | undefined;
}

const orgOf = (call: Call | undefined): string | undefined => (!call || call.principal.kind === 'anonymous' ? undefined : call.principal.orgId);

/** The processes of each shard, with their replicas. */
const shardsOf = ({ peers }: Place): Peer[][] => [...Map.groupBy(peers, ({ instance }: Peer) => instance.shard?.index ?? 0).values()];
