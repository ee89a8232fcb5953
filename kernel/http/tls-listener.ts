import type { Socket } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import type { GatewayTls } from '../gateway/gateway.ts';

/** Node's own TLS server, which never listens itself. */
export interface TlsListener {
  /** Takes a connection that was accepted elsewhere. */
  take(socket: Socket): void;
  stop(): void;
}

/**
 * Speaks TLS 1.2 and 1.3 on connections, and hands on those that stand; HTTP/2 or HTTP/1.1 is agreed by ALPN (RFC 7301).
 * The certificate is read again when it was changed; one that can not be read leaves the one before. Throws if there is none to begin with.
 */
export function createTlsListener({ read, watch }: Pick<GatewayTls, 'read' | 'watch'>, secure: (socket: TLSSocket) => void, failed: (error: unknown) => void): TlsListener {
  const server = createServer({ ...read(), minVersion: 'TLSv1.2', ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout: 10_000 }, secure);
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  const stop = watch(() => {
    try {
      server.setSecureContext({ ...read(), minVersion: 'TLSv1.2' });
    } catch (error) {
      failed(error);
    }
  });
  return { take: (socket) => void server.emit('connection', socket), stop };
}
