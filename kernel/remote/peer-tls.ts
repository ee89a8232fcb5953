import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { createServer } from 'node:tls';
import { z } from 'zod';
import { StartError } from '../module/start-error.ts';

/** The section `calls.tls` of a deployment file. */
export const peerTlsSection = z.strictObject({
  certificate: z.string().min(1).describe('File with the certificate of this deployment’s processes, in PEM; it is shown to whoever calls, and to whoever is called.'),
  key: z.string().min(1).describe('File with the certificate’s private key, in PEM.'),
  authority: z.string().min(1).describe('File with the authority that signed the certificates of all processes, in PEM. Nobody whose certificate it did not sign is talked to.'),
});

/** What both sides of a connection between processes show and ask of each other: mutual TLS. */
export interface PeerTls {
  certificate: string;
  key: string;
  authority: string;
}

/** Reads the files that a deployment names. Throws a `StartError` with each that can not be read. */
export function readPeerTls(files: z.infer<typeof peerTlsSection>): PeerTls {
  const problems: string[] = [];
  const read = (name: keyof PeerTls) => {
    try {
      return readFileSync(files[name], 'utf8');
    } catch (error) {
      problems.push(`calls.tls.${name}: ${files[name]} can not be read: ${(error as Error).message}`);
      return '';
    }
  };
  const tls = { certificate: read('certificate'), key: read('key'), authority: read('authority') };
  if (problems.length > 0) throw new StartError(problems);
  return tls;
}

/** The same as Node's TLS takes it. */
export const secureOptions = ({ certificate, key, authority }: PeerTls) => ({ cert: certificate, key, ca: authority, minVersion: 'TLSv1.3' as const });

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

const HANDSHAKE_MILLISECONDS = 10_000;
