import type { Client, Transport } from '@connectrpc/connect';
import type { PeersService, PeerState } from '@mainstay/kernel/contract/mainstay/peers/v1/peers_pb.js';
import type { Instance } from '../placement/placement.ts';

/** As many of the last measurements count. */
const MEASURED = 32;

/** Another process of the deployment, and how it fares as far as is known here. */
export class Peer {
  readonly instance: Instance;
  readonly transport: Transport;
  /** For the kernel's own questions. */
  readonly client: Client<typeof PeersService>;
  /** What it said last; nothing before it answered for the first time. */
  state: PeerState | undefined;
  /** It answered when it was asked last. */
  reachable = false;
  /** It takes connections and does not answer: what is sent to it may wait for ever. */
  hangs = false;
  /** Calls that are under way. */
  underWay = 0;
  readonly #microseconds: number[] = [];

  constructor(instance: Instance, transport: Transport, client: Client<typeof PeersService>) {
    this.instance = instance;
    this.transport = transport;
    this.client = client;
  }

  /** It has started and takes calls. */
  get isReady(): boolean {
    return this.reachable && this.state?.ready === true;
  }

  answered(state: PeerState, microseconds: number): void {
    this.state = state;
    this.reachable = true;
    this.hangs = false;
    this.#microseconds.push(microseconds);
    if (this.#microseconds.length > MEASURED) this.#microseconds.shift();
  }

  /** What a call to it costs, in microseconds: the median of the last small ones. */
  get costMicroseconds(): number | undefined {
    return this.#microseconds.toSorted((a, b) => a - b)[Math.floor(this.#microseconds.length / 2)];
  }
}
