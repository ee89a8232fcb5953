import type { Socket } from 'node:net';
import { connected, openPeerSocket, type PeerAddress } from './open-peer-socket.ts';
import { ResponseReader, type RawResponse } from './response-reader.ts';

/** A request that is under way, and what is told of it: one of the two, once. */
export interface Exchange {
  readonly head: string;
  readonly body: Uint8Array;
  /** The connection that carries it; none while it waits for one. */
  connection?: PeerConnection | undefined;
  answered(response: RawResponse): void;
  /** `sent` tells whether the peer may have seen any of it. */
  failed(error: Error, sent: boolean): void;
}

/** Below this, head and body are copied together: one write costs more than a copy. */
const COPIED_BYTES = 16 * 1024;

/** A kept-alive HTTP/1.1 connection, one request at a time: an answer that takes long holds up no other. */
export class PeerConnection {
  readonly #socket: Socket;
  readonly #reader: ResponseReader;
  readonly #resting: (connection: PeerConnection) => void;
  #exchange: Exchange | undefined;
  #connected = false;
  /** How often it was asked since it heard anything of the peer. */
  #silences = 0;
  /** Since when it rests, by `performance.now()`. */
  restingSince = 0;

  /** `resting` is told when it may take another request, `closed` once it takes no more. */
  constructor(address: PeerAddress, resting: (connection: PeerConnection) => void, closed: (connection: PeerConnection) => void) {
    this.#reader = new ResponseReader(address.mostBytes);
    this.#resting = resting;
    this.#socket = openPeerSocket(address, ['http/1.1'], (bytes) => this.#received(bytes));
    this.#socket.on('error', (error) => this.#fail(error)).once(connected(address), () => this.#opened()).once('close', () => {
      closed(this);
      this.#end();
    });
  }

  start(exchange: Exchange): void {
    this.#exchange = exchange;
    this.#silences = 0;
    exchange.connection = this;
    if (this.#connected) this.#send(exchange);
  }

  /** Called again and again: whether the peer, which should at least say that it is at work, has been silent this often. */
  isSilent(times: number): boolean {
    return this.#exchange !== undefined && this.#connected && ++this.#silences > times;
  }

  /** Cuts it; a request that is under way fails. */
  destroy(error?: Error): void {
    this.#socket.destroy(error);
  }

  /** Nobody waits for the answer any more, and it would stand before the next one. */
  abandon(): void {
    this.#exchange = undefined;
    this.#socket.destroy();
  }

  #opened(): void {
    this.#connected = true;
    if (this.#exchange) this.#send(this.#exchange);
  }

  #send({ head, body }: Exchange): void {
    const length = head.length + body.length;
    if (length > COPIED_BYTES) {
      this.#socket.cork();
      this.#socket.write(head, 'latin1');
      this.#socket.write(body);
      this.#socket.uncork();
      return;
    }
    const bytes = Buffer.allocUnsafe(length);
    bytes.write(head, 0, 'latin1');
    bytes.set(body, head.length);
    this.#socket.write(bytes);
  }

  #received(bytes: Buffer): void {
    this.#silences = 0;
    // Nothing was asked: the peer says that it will answer no more.
    if (!this.#exchange) return this.destroy();
    try {
      const response = this.#reader.read(bytes);
      if (response) this.#answered(response);
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #answered(response: RawResponse): void {
    const exchange = this.#exchange!;
    this.#exchange = undefined;
    if (response.reusable) {
      this.restingSince = performance.now();
      this.#resting(this);
    } else this.#socket.destroy();
    exchange.answered(response);
  }

  #end(): void {
    const last = this.#exchange && this.#reader.end();
    if (last) this.#answered(last);
    else this.#fail(new Error(this.#reader.hasBegun ? 'the connection ended in the middle of the answer' : 'the connection ended before the answer'));
  }

  #fail(error: Error): void {
    const exchange = this.#exchange;
    this.#exchange = undefined;
    exchange?.failed(error, this.#connected);
  }
}
