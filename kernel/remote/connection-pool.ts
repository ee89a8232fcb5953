import type { PeerAddress } from './open-peer-socket.ts';
import { PeerConnection, type Exchange } from './peer-connection.ts';
import { SweptConnections } from './swept-connections.ts';

/** The connections to one peer. The one that was used last is used first, so that those that nobody needs come to rest. */
export class ConnectionPool {
  readonly #address: PeerAddress;
  readonly #most: number;
  readonly #all = new SweptConnections<PeerConnection>((since, wereSilent) => this.#closeRested(since, wereSilent));
  #resting: PeerConnection[] = [];
  /** In the order in which they came. */
  readonly #waiting = new Set<Exchange>();
  #isClosed = false;

  constructor(address: PeerAddress, most: number) {
    this.#address = address;
    this.#most = most;
  }

  run(exchange: Exchange): void {
    if (this.#isClosed) return exchange.failed(new Error('this process no longer calls it'), false);
    const connection = this.#resting.pop();
    if (connection) connection.start(exchange);
    else if (this.#all.size < this.#most) this.#open().start(exchange);
    else this.#waiting.add(exchange);
  }

  /** Nobody waits for the answer any more: the peer learns that by the end of the connection. */
  abandon(exchange: Exchange): void {
    if (!this.#waiting.delete(exchange)) exchange.connection?.abandon();
  }

  /** Closes what rests: the peer may be gone without a word. */
  distrust(): void {
    for (const connection of this.#resting.splice(0)) connection.destroy();
  }

  /** Cuts every connection; what is under way fails. */
  close(): void {
    this.#isClosed = true;
    this.#all.destroy();
    for (const exchange of this.#waiting) exchange.failed(new Error('this process no longer calls it'), false);
    this.#waiting.clear();
  }

  #open(): PeerConnection {
    const connection = new PeerConnection(this.#address, (one) => this.#rest(one), (one) => this.#forget(one));
    this.#all.add(connection);
    return connection;
  }

  #rest(connection: PeerConnection): void {
    const [next] = this.#waiting;
    if (!next) return void this.#resting.push(connection);
    this.#waiting.delete(next);
    connection.start(next);
  }

  #forget(connection: PeerConnection): void {
    this.#all.delete(connection);
    const at = this.#resting.lastIndexOf(connection);
    if (at >= 0) this.#resting.splice(at, 1);
    const [next] = this.#waiting;
    if (!next || this.#isClosed) return;
    this.#waiting.delete(next);
    this.#open().start(next);
  }

  #closeRested(since: number, wereSilent: boolean): void {
    if (wereSilent) this.distrust();
    for (const connection of this.#resting) if (connection.restingSince < since) connection.destroy();
  }
}
