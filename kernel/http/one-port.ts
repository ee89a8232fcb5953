import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttp2Server, type Http2Server } from 'node:http2';
import type { Server as TcpServer, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayTls } from '../gateway/gateway.ts';
import { bindAll, stopListening } from './bind-all.ts';
import { ConnectionCount, type ConnectionLimits } from './connection-limits.ts';
import { decideProtocol } from './decide-protocol.ts';
import { outsideHeaderBytes, peerHeaderBytes } from './header-bytes.ts';
import { Http2Sessions } from './http2-sessions.ts';
import { oneAtATime } from './one-at-a-time.ts';
import { createTlsListener } from './tls-listener.ts';
import { takeTurns } from './take-turns.ts';
import { boundUnreadAnswers, type Reader } from './unread-answers.ts';

/** One plaintext port, and one with TLS beside it if wanted, that serve HTTP/1.1, WebSocket upgrades, and HTTP/2 with prior knowledge (RFC 9113 §3.3), as gRPC clients speak it. */
export interface OnePort {
  /** The HTTP/1.1 side: it never listens itself, but emits `upgrade` and `clientError`. */
  server: Server;
  /** Binds the host and resolves with the port; `localhost` means both IPv4 and IPv6 loopback. Rejects with a message that names a taken port; `code` stays `EADDRINUSE`. */
  listen(host: string, port: number): Promise<number>;
  /** Binds another port that speaks TLS, and resolves with it. Rejects like `listen`, and where the certificate can not be read; `failed` hears of a later one that can not. */
  listenTls(host: string, port: number, tls: Pick<GatewayTls, 'read' | 'watch'>, failed: (error: unknown) => void): Promise<number>;
  /** Connections that are open. */
  readonly connections: number;
  /** Takes no new connections and closes those that rest, where another process takes over only after a while; resolves when the last one is gone. */
  drain(isTakenOver?: boolean): Promise<void>;
  /** Cuts what is still connected. */
  destroy(): void;
}

export interface OnePortOptions {
  /** A connection that has not shown what it speaks by then is cut, in milliseconds. */
  decideWithinMs?: number;
  /** An HTTP/1.1 request whose headers are not complete by then is answered with 408, in milliseconds. */
  headersWithinMs?: number;
  /** How many may be connected. */
  limits?: ConnectionLimits;
  /** Its connections are those of other processes of the deployment, each with the calls of thousands: nothing is limited for one of them, and requests may say at length who calls. */
  ofPeers?: boolean;
  /** Nobody else may listen there when it begins to, though ports are shared. */
  alone?: boolean;
  /** While more bytes of answers wait for clients to read them, the slowest clients are cut. */
  mostUnreadBytes?: number;
  /** What a connection passes before a byte of it is read, such as the handshake of TLS; gives the connection within. */
  secure?: (socket: Socket, secured: (socket: Socket) => void) => void;
}

const defaultLimits: ConnectionLimits = { all: 10_000, perAddress: 1000 };

/** A connection may take so long to show what it speaks, even when others want its place, in milliseconds. */
const placeKeptMs = 1000;
/** Resting connections are closed for others at most this often, in milliseconds. */
const makeRoomEveryMs = 100;

/** Clients are told to close a connection themselves that rests so long, in milliseconds; for the others it lasts so much longer. */
const restMs = 5000;
const restLongerMs = 67_000;
/** Where another process takes over, so that a connection that still rests is one of a client that does not heed that. */
const hearingMs = restMs + 500;

/** Makes the port; `handler` gets the requests of both protocols. */
export function createOnePort(handler: RequestListener, { decideWithinMs = 10_000, headersWithinMs = 20_000, limits = defaultLimits, ofPeers = false, alone = false, mostUnreadBytes = ofPeers ? Infinity : 128 * 1024 * 1024, secure }: OnePortOptions = {}): OnePort {
  const maxHeaderSize = ofPeers ? peerHeaderBytes : outsideHeaderBytes;
  const http1 = http1Server(oneAtATime((request, response) => {
    if (draining) response.setHeader('connection', 'close');
    handler(request, response);
  }), headersWithinMs, maxHeaderSize);
  const http2 = http2Server(handler, ofPeers, maxHeaderSize);
  // As many as there may be connections, so that each may have its own.
  const sessions = new Http2Sessions(http2, ofPeers ? Infinity : limits.all);
  const sockets = new Set<Socket>();
  /** Since when, the oldest first. */
  const undecided = new Map<Socket, number>();
  let listeners: TcpServer[] = [];
  let [draining, closing] = [false, false];
  const count = new ConnectionCount(limits);
  const stopWatching = boundUnreadAnswers(() => readersOf(sockets, sessions), mostUnreadBytes);

  let roomMadeAt = 0;
  /** Closes what rests, so that whoever holds connections without using them keeps nobody out. */
  const makeRoom = (): boolean => {
    const now = performance.now();
    const [oldest] = undecided;
    if (oldest && now - oldest[1] > placeKeptMs) {
      undecided.delete(oldest[0]);
      oldest[0].destroy();
      return true;
    }
    if (now - roomMadeAt < makeRoomEveryMs) return false;
    roomMadeAt = now;
    http1.closeIdleConnections();
    for (const session of sessions.resting()) session.destroy();
    return [...sockets].some((socket) => socket.destroyed);
  };

  const accept = (socket: Socket) => {
    if (count.admits(socket, makeRoom)) begin(socket);
  };
  const begin = (socket: Socket) => {
    sockets.add(socket);
    undecided.set(socket, performance.now());
    socket.once('close', () => (sockets.delete(socket), undecided.delete(socket)));
    decideProtocol(socket, decideWithinMs, (isHttp2) => {
      undecided.delete(socket);
      // A client that has closed its half of an HTTP/2 connection has left, and Node does not see that by itself.
      if (isHttp2) socket.allowHalfOpen = false;
      (isHttp2 ? http2 : http1).emit('connection', socket);
      if (closing) closeResting();
    });
  };
  const closeResting = () => {
    sessions.close();
    for (const socket of undecided.keys()) socket.destroy();
    http1.closeIdleConnections();
  };

  let stopTls = () => {};

  return {
    server: http1,
    get connections() {
      return sockets.size;
    },
    async listen(host, port) {
      const bound = await bindAll(host, port, secure ? (socket) => secure(socket, accept) : accept, alone);
      listeners = bound.listeners;
      return bound.port;
    },
    async listenTls(host, port, tls, failed) {
      const listener = createTlsListener(tls, begin, failed);
      stopTls = () => listener.stop();
      const bound = await bindAll(host, port, (socket) => {
        if (!count.admits(socket, makeRoom)) return;
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
        listener.take(socket);
      });
      listeners.push(...bound.listeners);
      return bound.port;
    },
    async drain(isTakenOver = false) {
      draining = true;
      await stopListening(listeners);
      stopTls();
      sessions.close();
      // What a client sends just before it hears that its connection is closed is lost, so it hears that with its next answer.
      for (const end = performance.now() + (isTakenOver ? hearingMs : 0); sockets.size > 0 && performance.now() < end; ) await sleep(20);
      closing = true;
      http1.close(() => {});
      closeResting();
      // A kept-alive connection rests only once its answer is out.
      const again = setInterval(closeResting, 50);
      while (sockets.size > 0) await new Promise((resolve) => sockets.values().next().value!.once('close', resolve));
      clearInterval(again);
      stopWatching();
    },
    destroy() {
      sessions.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Streams may last as long as they like, so only the headers of a request have a time limit here. */
function http1Server(handler: RequestListener, headersTimeout: number, maxHeaderSize: number): Server {
  const server = createServer({ maxHeaderSize, headersTimeout, keepAliveTimeout: restMs, keepAliveTimeoutBuffer: restLongerMs, requestTimeout: 0, connectionsCheckingInterval: headersTimeout / 4 }, handler);
  // It never listens, so it must be told to start watching for slow headers.
  server.emit('listening');
  return server;
}

function http2Server(handler: RequestListener, ofPeers: boolean, maxHeaderListSize: number): Http2Server {
  const settings = { maxConcurrentStreams: ofPeers ? 1_000_000 : 250, maxHeaderListSize, initialWindowSize: 1 << 20 };
  return createHttp2Server({ maxSessionMemory: ofPeers ? 4096 : 64, maxSessionInvalidFrames: 100, maxHeaderListPairs: 128, settings }, takeTurns(handler as never));
}

/** HTTP/2 keeps what is unread with its streams, and HTTP/1.1 and WebSocket with their connection. */
function* readersOf(sockets: ReadonlySet<Socket>, sessions: Http2Sessions): Generator<Reader> {
  for (const socket of sockets) yield { unreadBytes: () => socket.writableLength, cut: () => socket.destroy() };
  yield* sessions.readers();
}
