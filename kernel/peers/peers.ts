import { setTimeout as sleep } from 'node:timers/promises';
import { Code, ConnectError, createContextValues, type Transport } from '@connectrpc/connect';
import { PeersService, type PeerState } from '@mainstay/kernel/contract/mainstay/peers/v1/peers_pb.js';
import { kernelErrors } from '../errors/kernel-errors.ts';
import { callKey } from '../guard/call.ts';
import { createClient } from '../placement/create-client.ts';
import type { Instance, Placement } from '../placement/placement.ts';
import { markNotRun } from '../remote/not-run.ts';
import type { Logger } from '../telemetry/log.ts';
import { Peer } from './peer.ts';
import { kernelCall } from './peer-headers.ts';

export interface PeersOptions {
  placement: Placement;
  /** The name of this process. */
  here: string;
  /** Makes the transport to another process. */
  connect: (instance: Instance) => Transport & { close(): Promise<void> };
  /** Puts what calls of modules pass around a transport; the kernel's own questions go without. */
  guarded: (instance: Instance, transport: Transport) => Transport;
  log: Logger;
}

const ASK_MILLISECONDS = 1000;
/** The same for one that did not answer. */
const ASK_AGAIN_MILLISECONDS = 250;
const ANSWER_MILLISECONDS = 1000;
/** A process may take so long to have its first data, in milliseconds: all of them start at once, on what may be a small machine. */
const FIRST_DATA_MILLISECONDS = 120_000;

/** The other processes of the deployment: asked each second how they stand. */
export class Peers {
  readonly here: Instance;
  readonly placement: Placement;
  /** Every other process. */
  readonly all: readonly Peer[];
  /** Called when it is known anew how a process stands. */
  asked: () => void = () => {};
  readonly #transports: readonly { close(): Promise<void> }[];
  readonly #log: Logger;
  readonly #end = new AbortController();
  readonly #asking = new Map<Peer, Promise<void>>();
  #watching: Promise<unknown> | undefined;

  constructor({ placement, here, connect, guarded, log }: PeersOptions) {
    this.placement = placement;
    this.here = placement.instances.find(({ name }) => name === here)!;
    this.#log = log;
    // The kernel asks on connections of its own: how busy those of the modules are must not look like silence.
    const others = placement.instances.filter(({ name }) => name !== here).map((instance) => ({ instance, transport: connect(instance), own: connect(instance) }));
    this.#transports = others.flatMap(({ transport, own }) => [transport, own]);
    this.all = others.map(({ instance, transport, own }) => {
      const peer: Peer = new Peer(instance, guarded(instance, unlessItHangs(() => peer, transport)), createClient(PeersService, asKernel(own)));
      return peer;
    });
  }

  /** Begins to ask; a process that does not answer is asked again each second. */
  start(): void {
    this.#watching ??= Promise.all(this.all.map((peer) => this.#watch(peer)));
  }

  named(instance: string): Peer {
    const peer = this.all.find((one) => one.instance.name === instance);
    if (!peer) throw new Error(`${instance} is no other process of this placement`);
    return peer;
  }

  /** Those that run a module. */
  running(module: string): Peer[] {
    return this.all.filter(({ instance }) => instance.modules.includes(module));
  }

  /** Asks a process at once how it stands; whoever asks at the same time shares the question. */
  ask(peer: Peer): Promise<void> {
    let asking = this.#asking.get(peer);
    if (!asking) {
      asking = this.#ask(peer).finally(() => {
        this.#asking.delete(peer);
        this.asked();
      });
      this.#asking.set(peer, asking);
    }
    return asking;
  }

  /** Resolves when a process that runs the module has its first data in place; `late` is called where that takes long. Throws `unavailable` when it took too long. */
  async untilFirstData(module: string, late: () => void): Promise<void> {
    const began = performance.now();
    const isThere = () => this.running(module).some(({ state }) => state?.modules.some((one) => one.name === module && (one.hasFirstData || one.state === 'quarantined')));
    for (let isLate = false; !isThere(); await sleep(100)) {
      const waited = performance.now() - began;
      if (waited > FIRST_DATA_MILLISECONDS) throw kernelErrors.PEER_UNREACHABLE({ module });
      if (waited > 5000 && !isLate) {
        isLate = true;
        late();
      }
      await Promise.all(this.running(module).map((peer) => this.ask(peer)));
    }
  }

  async stop(): Promise<void> {
    this.#end.abort();
    await this.#watching;
    await Promise.all(this.#transports.map((transport) => transport.close()));
  }

  async #watch(peer: Peer): Promise<void> {
    while (!this.#end.signal.aborted) {
      await this.ask(peer);
      await sleep(peer.reachable ? ASK_MILLISECONDS : ASK_AGAIN_MILLISECONDS, undefined, { signal: this.#end.signal, ref: false }).catch(() => {});
    }
  }

  async #ask(peer: Peer): Promise<void> {
    const began = performance.now();
    try {
      const state: PeerState = await peer.client.getState({}, { timeoutMs: ANSWER_MILLISECONDS, signal: this.#end.signal });
      const first = !peer.reachable;
      peer.answered(state, (performance.now() - began) * 1000);
      if (first) this.#log.debug({ peer: peer.instance.name }, 'another process of the deployment answers');
    } catch (error) {
      if (this.#end.signal.aborted) return;
      if (peer.reachable) this.#log.warn({ peer: peer.instance.name, problem: ConnectError.from(error).rawMessage }, 'another process of the deployment does not answer');
      peer.reachable = false;
      peer.hangs = ConnectError.from(error).code === Code.DeadlineExceeded;
    }
  }
}

/** Sends nothing to a process that hangs, so that it is tried elsewhere, or later. */
function unlessItHangs(peer: () => Peer, transport: Transport): Transport {
  const refusal = () => {
    const { instance, hangs } = peer();
    return hangs ? Promise.reject(markNotRun(kernelErrors.PEER_UNREACHABLE({ module: instance.name }))) : undefined;
  };
  return { unary: (...call) => refusal() ?? transport.unary(...call), stream: (...call) => refusal() ?? transport.stream(...call) };
}

/** The kernel's own calls: neither a module's nor on anybody's behalf. */
const asKernel = (transport: Transport): Transport => ({
  unary: (method, signal, timeoutMs, header, input) => transport.unary(method, signal, timeoutMs, header, input, createContextValues().set(callKey, kernelCall())),
  stream: (method, signal, timeoutMs, header, input) => transport.stream(method, signal, timeoutMs, header, input, createContextValues().set(callKey, kernelCall())),
});
