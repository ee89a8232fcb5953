import { BlockList, isIPv6, type Socket } from 'node:net';
import { httpErrors } from './http-errors.ts';
import { problemOf } from './problem.ts';

/** How many connections may be open. */
export interface ConnectionLimits {
  all: number;
  /** From one address. This machine's own have only the limit of all: a proxy in front has the connections of everybody. */
  perAddress: number;
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Counts the open connections and refuses those beyond the limits, before a byte of them is read. */
export class ConnectionCount {
  readonly #limits: ConnectionLimits;
  readonly #ofAddress = new Map<string, number>();
  #all = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Whether the connection may stay; if not, it is told why and closed. `makeRoom` tells whether it has closed another. */
  admits(socket: Socket, makeRoom: () => boolean): boolean {
    const address = socket.remoteAddress;
    // It is gone already.
    if (address === undefined) return true;
    const counted = this.#ofAddress.get(address) ?? 0;
    const { all, perAddress } = this.#limits;
    if (this.#all >= all && !makeRoom()) return refuse(socket, httpErrors.TOO_MANY_CONNECTIONS({ limit: all, whose: 'in all' }));
    if (counted >= perAddress && !isLoopback(address)) return refuse(socket, httpErrors.TOO_MANY_CONNECTIONS({ limit: perAddress, whose: 'from one address' }));
    this.#all++;
    this.#ofAddress.set(address, counted + 1);
    socket.once('close', () => this.#release(address));
    return true;
  }

  #release(address: string): void {
    this.#all--;
    const left = this.#ofAddress.get(address)! - 1;
    if (left === 0) this.#ofAddress.delete(address);
    else this.#ofAddress.set(address, left);
  }
}

const isLoopback = (address: string): boolean => loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');

/** In HTTP/1.1, since nobody knows yet what the client speaks. */
function refuse(socket: Socket, error: ReturnType<typeof httpErrors.TOO_MANY_CONNECTIONS>): false {
  const body = JSON.stringify(problemOf(error));
  socket.on('error', () => {}).end(`HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 5\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`, () => socket.destroy());
  return false;
}
