import type { Socket } from 'node:net';
import { createServer } from 'node:tls';
import { secureOptions, type PeerTls } from './peer-tls.ts';

const HANDSHAKE_MILLISECONDS = 10_000;

/** The server's side of the handshake: nobody whose certificate the authority did not sign gets beyond it. */
export function mutualTls(tls: PeerTls): (socket: Socket, secured: (socket: Socket) => void) => void {
  const server = createServer({ ...secureOptions(tls), requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['h2', 'http/1.1'], handshakeTimeout: HANDSHAKE_MILLISECONDS });
  server.on('tlsClientError', (_error, socket) => socket.destroy());
  let secured: ((socket: Socket) => void) | undefined;
  server.on('secureConnection', (socket) => secured!(socket));
  return (socket, given) => {
    // A port gives the same for all its connections.
    secured = given;
    server.emit('connection', socket);
  };
}
