import websocket from '@fastify/websocket';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { httpErrors } from '../http-errors.ts';
import { SocketConnection, type SocketOptions } from './socket-connection.ts';

export interface SocketRouteOptions extends SocketOptions {
  /** The largest frame, in bytes. */
  frameLimitBytes: number;
  /** Ends every connection when the server stops. */
  stopping: AbortSignal;
  /** How often the other end must show that it lives, in milliseconds. */
  aliveEveryMs?: number;
}

/**
 * Every method through one WebSocket at `/v1/socket`, streams in both directions included. Frames are JSON texts;
 * the client names each call with an `id` of its own:
 *
 *   client  { id, call: "mod.promist.v1.PromisesService/ListPromises", headers?, message?, end? }   begins a call
 *           { id, message }  one more message of a client stream      { id, end: true }  that was the last
 *           { id, cancel: true }  gives the call up
 *   server  { id, message }  a message      { id, end: { trailers? } }  success, the last frame of the call
 *           { id, error: problem }  failure, the last frame of the call; without `id` if the frame could not be read,
 *           begins no call, or does not fit the open call that it names, which goes on
 *
 * A method that takes one message gets it in the first frame. Credentials go into the headers of each call, or of the
 * upgrade request. Only pages of this same origin, of those that the gateway allows, and programs (which send no Origin), may connect.
 */
export async function socketRoute(app: FastifyInstance, options: SocketRouteOptions): Promise<void> {
  const { aliveEveryMs = 30_000 } = options;
  // One frame after the other, with what others sent in between: a packet may hold thousands.
  await app.register(websocket, { options: { maxPayload: options.frameLimitBytes, perMessageDeflate: false, allowSynchronousEvents: false }, errorHandler: (_error, socket) => socket.terminate(), preClose: (done) => done() });
  app.addHook('onRequest', async (request) => {
    if (request.ws && !request.routeOptions.config.socket) throw httpErrors.NO_SUCH_PATH({ path: request.url.split('?', 1)[0]! });
  });
  app.route({
    method: 'GET',
    url: '/v1/socket',
    config: { socket: true },
    onRequest: async (request) => refuseForeignOrigin(request, options),
    handler: async (_request, reply) => {
      reply.header('upgrade', 'websocket');
      throw httpErrors.UPGRADE_REQUIRED();
    },
    wsHandler: (socket, request) => {
      keepAlive(socket, aliveEveryMs);
      const connection = new SocketConnection(socket, request, options);
      const stop = () => connection.stop();
      options.stopping.addEventListener('abort', stop, { once: true });
      socket.once('close', () => options.stopping.removeEventListener('abort', stop));
    },
  });
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The route takes WebSocket upgrades. */
    socket?: boolean;
  }
}

/** A browser sends its cookies with an upgrade from any page, so the page's origin decides (RFC 6455 §10.2). */
function refuseForeignOrigin({ headers }: FastifyRequest, { door }: SocketOptions): void {
  const { origin, host } = headers;
  if (origin === undefined) return;
  if (door?.gateway.allowsOrigin(origin)) return;
  if (!URL.canParse(origin) || new URL(origin).host !== host) throw httpErrors.FOREIGN_ORIGIN({ origin });
}

/** Drops a connection whose other end has gone without a word. */
function keepAlive(socket: WebSocket, everyMs: number): void {
  let alive = true;
  socket.on('pong', () => (alive = true));
  const timer = setInterval(() => {
    if (!alive) return socket.terminate();
    alive = false;
    socket.ping();
  }, everyMs);
  socket.once('close', () => clearInterval(timer));
}
