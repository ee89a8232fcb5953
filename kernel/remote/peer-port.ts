import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { urlOf } from '../http/bind-all.ts';
import { httpErrors } from '../http/http-errors.ts';
import { createOnePort, type OnePort } from '../http/one-port.ts';
import { LeanConnection } from './lean-connection.ts';
import type { LeanHost } from './lean-host.ts';
import { mutualTls } from './mutual-tls.ts';
import type { PeerServerOptions } from './peer-server-options.ts';
import type { PortConnection } from './port-connection.ts';
import { refusalBytes } from './send-refusal.ts';
import type { UnaryMethod } from './unary-answer.ts';

/** A caller that hears nothing for several times as long takes this process for gone. */
const TELLING_MILLISECONDS = 500;
/** No process of a deployment has so many others. */
const limits = { all: 10_000, perAddress: 10_000 };

interface PeerPortOptions extends Pick<PeerServerOptions, 'arrive' | 'bodyLimitBytes' | 'tls' | 'succeeds'> {
  unaryAt: (path: string) => UnaryMethod | undefined;
  /** Gets what is no unary call in Connect's binary form over HTTP/1.1. */
  handler: RequestListener;
}

/** The listening side of the internal port. It loses no request when it stops: what it will not answer any more, it refuses. */
export class PeerPort {
  readonly #port: OnePort;
  readonly #isSecure: boolean;
  readonly #lean = new Set<PortConnection>();
  /** How many requests of each HTTP/1.1 connection that was handed over are being answered. */
  readonly #busy = new Map<Socket, number>();
  /** Told that nothing more is answered: what they sent meanwhile is dropped. */
  readonly #refused = new WeakSet<Socket>();
  #emptied: (() => void) | undefined;
  readonly #telling: NodeJS.Timeout;
  isDraining = false;

  constructor({ tls, succeeds, handler, unaryAt, arrive, bodyLimitBytes }: PeerPortOptions) {
    this.#isSecure = tls !== undefined;
    const handshake = tls && mutualTls(tls);
    const begin = (socket: Socket, accept: (socket: Socket) => void) => this.#begin(socket, { methodAt: unaryAt, arrive, bodyLimitBytes }, accept);
    const secure = handshake ? (socket: Socket, accept: (socket: Socket) => void) => handshake(socket, (inner) => begin(inner, accept)) : begin;
    this.#port = createOnePort((request, response) => this.#count(request, response, handler), { limits, ofPeers: true, alone: !succeeds, secure });
    this.#telling = setInterval(() => {
      for (const connection of this.#lean) connection.tellOfWork();
    }, TELLING_MILLISECONDS).unref();
    this.#port.server.on('connection', (socket: Socket) => {
      this.#busy.set(socket, 0);
      socket.once('close', () => this.#busy.delete(socket));
      if (this.isDraining) this.#refuse(socket);
    });
  }

  listen(host: string, port: number): Promise<number> {
    return this.#port.listen(host, port);
  }

  addressOf(host: string, port: number): string {
    const url = urlOf(host, port);
    return this.#isSecure ? url.replace('http:', 'https:') : url;
  }

  async drain(): Promise<void> {
    this.isDraining = true;
    for (const connection of this.#lean) connection.drain();
    for (const [socket, busy] of this.#busy) if (busy === 0) this.#refuse(socket);
    await this.#port.drain();
    if (this.#lean.size > 0) await new Promise<void>((resolve) => (this.#emptied = resolve));
  }

  async close(): Promise<void> {
    const drained = this.drain();
    for (const connection of this.#lean) connection.destroy();
    this.#port.destroy();
    await drained;
    clearInterval(this.#telling);
  }

  #begin(socket: Socket, shared: Pick<LeanHost, 'methodAt' | 'arrive' | 'bodyLimitBytes'>, handOver: (socket: Socket) => void): void {
    const isDraining = () => this.isDraining;
    const host: LeanHost = {
      ...shared, handOver,
      get isDraining() {
        return isDraining();
      },
      became: (connection) => void this.#lean.add(connection),
      done: (connection) => {
        this.#lean.delete(connection);
        if (this.#lean.size === 0) this.#emptied?.();
      },
    };
    this.#lean.add(new LeanConnection(socket, host));
  }

  #count(request: IncomingMessage, response: ServerResponse, handler: RequestListener): void {
    const { socket } = request;
    if (request.httpVersionMajor === 1) {
      if (this.#refused.has(socket)) return;
      this.#busy.set(socket, this.#busy.get(socket)! + 1);
      response.once('close', () => this.#busy.has(socket) && this.#busy.set(socket, this.#busy.get(socket)! - 1));
    }
    handler(request, response);
  }

  /** A request may be on its way: the caller takes this for its answer, and otherwise for the end of the connection. */
  #refuse(socket: Socket): void {
    this.#refused.add(socket);
    socket.end(refusalBytes(httpErrors.STOPPING()));
  }
}
