import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { urlOf } from '../http/bind-all.ts';
import { httpErrors } from '../http/http-errors.ts';
import { createOnePort, type OnePort } from '../http/one-port.ts';
import { mutualTls } from './mutual-tls.ts';
import type { PeerTls } from './peer-tls.ts';
import { refusalBytes } from './send-refusal.ts';

/** No process of a deployment has so many others. */
const limits = { all: 10_000, perAddress: 10_000 };

/** The listening side of the internal port. It loses no request when it stops: what it will not answer any more, it refuses. */
export class PeerPort {
  readonly #port: OnePort;
  readonly #isSecure: boolean;
  /** How many requests of each HTTP/1.1 connection are being answered. */
  readonly #busy = new Map<Socket, number>();
  /** Told that nothing more is answered: what they sent meanwhile is dropped. */
  readonly #refused = new WeakSet<Socket>();
  isDraining = false;

  constructor(tls: PeerTls | undefined, handler: RequestListener) {
    this.#isSecure = tls !== undefined;
    const counting: RequestListener = (request, response) => this.#count(request, response, handler);
    this.#port = createOnePort(counting, { limits, ...(tls && { secure: mutualTls(tls) }) });
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
    for (const [socket, busy] of this.#busy) if (busy === 0) this.#refuse(socket);
    await this.#port.drain();
  }

  async close(): Promise<void> {
    this.isDraining = true;
    const drained = this.#port.drain();
    this.#port.destroy();
    await drained;
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
