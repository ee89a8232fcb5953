import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Session } from 'node:http2';
import { createServer as createTcpServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net';

/** One plaintext port that serves HTTP/1.1, WebSocket upgrades, and HTTP/2 with prior knowledge (RFC 9113 §3.3), as gRPC clients speak it. */
export interface OnePort {
  /** The HTTP/1.1 side: it never listens itself, but emits `upgrade` and `clientError`. */
  server: Server;
  /** Binds the host; `localhost` means both IPv4 and IPv6 loopback. Rejects with a message that names a taken port; `code` stays `EADDRINUSE`. */
  listen(host: string, port: number): Promise<number>;
  /** Takes no new connections and closes those that rest; resolves when the last one is gone. */
  drain(): Promise<void>;
  /** Cuts what is still connected. */
  destroy(): void;
}

export interface OnePortOptions {
  /** A connection that has not shown what it speaks by then is cut, in milliseconds. */
  decideWithinMs?: number;
  /** An HTTP/1.1 request whose headers are not complete by then is answered with 408, in milliseconds. */
  headersWithinMs?: number;
}

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** Makes the port; `handler` gets the requests of both protocols. */
export function createOnePort(handler: RequestListener, { decideWithinMs = 10_000, headersWithinMs = 20_000 }: OnePortOptions = {}): OnePort {
  const http1 = createServer({ maxHeaderSize: 32 * 1024, headersTimeout: headersWithinMs, keepAliveTimeout: 72_000, requestTimeout: 0, connectionsCheckingInterval: headersWithinMs / 4 }, handler);
  // The server never listens, so it must be told to start watching for slow headers.
  http1.emit('listening');
  const http2 = createHttp2Server({ maxSessionMemory: 64, maxSessionInvalidFrames: 100, maxHeaderListPairs: 128, settings: { maxConcurrentStreams: 250, maxHeaderListSize: 32 * 1024, initialWindowSize: 1 << 20 } }, handler as never);
  const sessions = new Set<ServerHttp2Session>();
  http2.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
    session.on('error', () => session.destroy());
  });
  const sockets = new Set<Socket>();
  const undecided = new Set<Socket>();
  const listeners: TcpServer[] = [];
  let draining = false;

  const accept = (socket: Socket) => {
    sockets.add(socket);
    undecided.add(socket);
    socket.once('close', () => (sockets.delete(socket), undecided.delete(socket)));
    decideProtocol(socket, decideWithinMs, (isHttp2) => {
      undecided.delete(socket);
      (isHttp2 ? http2 : http1).emit('connection', socket);
      if (draining) rest();
    });
  };
  const rest = () => {
    for (const session of sessions) session.close();
    for (const socket of undecided) socket.destroy();
    http1.closeIdleConnections();
  };

  return {
    server: http1,
    async listen(host, port) {
      const hosts = host === 'localhost' ? ['127.0.0.1', '::1'] : [host];
      for (const address of hosts) {
        const listener = createTcpServer({ allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, accept);
        try {
          port = await bind(listener, address, port);
          listeners.push(listener);
        } catch (error) {
          // A machine without IPv6 has no ::1; anything else is a reason to stop.
          if (listeners.length > 0 && ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? '')) continue;
          for (const bound of listeners) bound.close();
          throw error;
        }
      }
      return port;
    },
    async drain() {
      draining = true;
      for (const listener of listeners) listener.close();
      http1.close(() => {});
      rest();
      // A kept-alive connection rests only once its answer is out.
      const again = setInterval(rest, 50);
      while (sockets.size > 0) await new Promise((resolve) => sockets.values().next().value!.once('close', resolve));
      clearInterval(again);
    },
    destroy() {
      for (const session of sessions) session.destroy();
      for (const socket of sockets) socket.destroy();
    },
  };
}

/**
 * Reads just enough of a new connection to know its protocol, then puts the bytes back.
 * They are held here meanwhile: putting a lone "P" back would make the socket readable at once, over and over.
 */
function decideProtocol(socket: Socket, withinMs: number, decided: (isHttp2: boolean) => void): void {
  let held = Buffer.alloc(0);
  const cut = () => socket.destroy();
  const timer = setTimeout(cut, withinMs);
  const look = () => {
    const chunk: Buffer | null = socket.read();
    if (chunk) held = Buffer.concat([held, chunk]);
    const known = Math.min(held.length, preface.length);
    const matches = held.subarray(0, known).equals(preface.subarray(0, known));
    if (matches && known < preface.length) return;
    stop();
    socket.unshift(held);
    decided(matches);
  };
  const stop = () => {
    clearTimeout(timer);
    socket.off('readable', look).off('error', cut).off('end', cut).off('close', stop);
  };
  socket.on('readable', look).on('error', cut).on('end', cut).on('close', stop);
}

function bind(listener: TcpServer, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    listener.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'EADDRINUSE' ? Object.assign(new Error(`port ${port} is taken`, { cause: error }), { code: error.code, port }) : error));
    listener.listen({ host, port }, () => {
      listener.removeAllListeners('error');
      listener.on('error', () => {});
      resolve((listener.address() as AddressInfo).port);
    });
  });
}
