import { AsyncLocalStorage } from 'node:async_hooks';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { secureOptions, type PeerTls } from './peer-tls.ts';
import { ResponseReader, type RawResponse } from './response-reader.ts';

/** Where a peer listens. */
export interface PeerAddress {
  host: string;
  port: number;
  tls?: PeerTls;
  /** The largest answer, in bytes. */
  mostBytes: number;
}

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

const CONNECT_MILLISECONDS = 5000;
const READ_BYTES = 64 * 1024;
/** Below this, head and body are copied together: one write costs more than a copy. */
const COPIED_BYTES = 16 * 1024;

/** What connections do belongs to no call, though one of them opens each. */
const outside = AsyncLocalStorage.snapshot();

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
    this.#socket = outside(() => this.#open(address));
    this.#socket.once('close', () => {
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

  #open({ host, port, tls }: PeerAddress): Socket {
    const received = (bytes: Buffer) => this.#received(bytes);
    const socket = tls
      ? connectTls({ host, port, ...secureOptions(tls), ALPNProtocols: ['http/1.1'] }).on('data', received)
      : connectTcp({ host, port, onread: { buffer: Buffer.allocUnsafeSlow(READ_BYTES), callback: (length, buffer) => (received((buffer as Buffer).subarray(0, length)), true) } });
    // A host that is gone without a word is noticed though nobody calls it.
    socket.setNoDelay(true).setKeepAlive(true, 10_000);
    socket.setTimeout(CONNECT_MILLISECONDS, () => socket.destroy(new Error(`it took more than ${CONNECT_MILLISECONDS} ms to connect`)));
    return socket.on('error', (error) => this.#fail(error)).once(tls ? 'secureConnect' : 'connect', () => this.#opened());
  }

  #opened(): void {
    this.#connected = true;
    this.#socket.setTimeout(0);
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
