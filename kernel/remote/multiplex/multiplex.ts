import type { PeerAddress } from '../open-peer-socket.ts';
import { SweptConnections } from '../swept-connections.ts';
import { CallingEnd, type CallingHost } from './calling-end.ts';
import type { SharedExchange } from './carried-call.ts';

/** A peer that does not speak HTTP/2 is not asked again for so long, in milliseconds: another may have taken its place by then. */
const PLAIN_MILLISECONDS = 60_000;

/** Calls to one peer, all on one connection, so that those of one moment are written and read at once; another is opened when that one goes. */
export class Multiplex {
  readonly #address: PeerAddress;
  readonly #authority: string;
  readonly #most: number;
  readonly #fallBack: (exchange: SharedExchange) => void;
  readonly #all = new SweptConnections<CallingEnd>((since) => this.#closeRested(since));
  /** In the order in which they came. */
  readonly #waiting = new Set<SharedExchange>();
  #current: CallingEnd | undefined;
  #plainUntil = 0;
  #isClosed = false;
  readonly #host: CallingHost;

  /** `fallBack` makes a call over HTTP/1.1 which this can not make. */
  constructor(address: PeerAddress, authority: string, most: number, fallBack: (exchange: SharedExchange) => void) {
    this.#address = address;
    this.#authority = authority;
    this.#most = most;
    this.#fallBack = fallBack;
    this.#host = {
      free: (end) => this.#startWaiting(end),
      going: (end) => this.#going(end),
      closed: (end, error) => this.#closed(end, error),
      fallBack,
    };
  }

  /** Whether the peer speaks HTTP/2, as far as is known. */
  get isWanted(): boolean {
    return this.#plainUntil === 0 || this.#plainUntil < performance.now();
  }

  run(exchange: SharedExchange): void {
    if (this.#isClosed) return exchange.failed(new Error('this process no longer calls it'), false);
    if (this.#current?.isFree) return this.#current.start(exchange);
    this.#waiting.add(exchange);
    if (!this.#current) this.#open();
  }

  /** Nobody waits for the answer any more; `isLate` if that is for its deadline. */
  abandon(exchange: SharedExchange, isLate: boolean): void {
    if (!this.#waiting.delete(exchange)) exchange.carried?.end.abandon(exchange.carried, isLate);
  }

  /** Cuts every connection; what is under way fails. */
  close(): void {
    this.#isClosed = true;
    this.#all.destroy();
    this.#failWaiting(new Error('this process no longer calls it'));
  }

  #open(): void {
    const end = new CallingEnd(this.#address, this.#authority, this.#most, this.#host);
    this.#current = end;
    this.#all.add(end);
  }

  #startWaiting(end: CallingEnd): void {
    if (end !== this.#current || this.#waiting.size === 0) return;
    for (const exchange of this.#waiting) {
      if (!end.isFree) return;
      this.#waiting.delete(exchange);
      end.start(exchange);
    }
  }

  #going(end: CallingEnd): void {
    if (end !== this.#current) return;
    this.#current = undefined;
    // Whoever comes when it stops is not to come again and again.
    if (!end.hasBegun) this.#failWaiting(new Error('it stops'));
    else if (this.#waiting.size > 0) this.#open();
  }

  #closed(end: CallingEnd, error: Error): void {
    this.#all.delete(end);
    if (end !== this.#current) return;
    this.#current = undefined;
    if (this.#isClosed) return;
    if (end.isReady) {
      if (this.#waiting.size > 0) this.#open();
    } else if (end.isConnected && !end.isCut) {
      if (end.isOther) this.#plainUntil = performance.now() + PLAIN_MILLISECONDS;
      for (const exchange of this.#waiting) {
        this.#waiting.delete(exchange);
        this.#fallBack(exchange);
      }
    } else this.#failWaiting(error);
  }

  /** No peer has seen them. */
  #failWaiting(error: Error): void {
    for (const exchange of this.#waiting) {
      this.#waiting.delete(exchange);
      exchange.failed(error, false);
    }
  }

  #closeRested(since: number): void {
    for (const end of this.#all) if (end.isReady && end.rests && end.restingSince < since) end.retire();
  }
}
