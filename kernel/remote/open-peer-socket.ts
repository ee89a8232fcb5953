import { AsyncLocalStorage } from 'node:async_hooks';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { secureOptions, type PeerTls } from './peer-tls.ts';

/** Where a peer listens. */
export interface PeerAddress {
  host: string;
  port: number;
  tls?: PeerTls;
  /** The largest answer, in bytes. */
  mostBytes: number;
}

const CONNECT_MILLISECONDS = 5000;
const READ_BYTES = 64 * 1024;

/** What connections do belongs to no call, though one of them opens each. */
const outside = AsyncLocalStorage.snapshot();

/**
 * Begins to connect to a peer, for so long as a connection may take; over TLS, with one of the protocols (ALPN). What comes is
 * only lent to `received`.
 */
export function openPeerSocket(address: PeerAddress, protocols: string[], received: (bytes: Buffer) => void): Socket {
  return outside(() => {
    const socket = connect(address, protocols, received);
    // A host that is gone without a word is noticed though nobody calls it.
    socket.setNoDelay(true).setKeepAlive(true, 10_000);
    socket.setTimeout(CONNECT_MILLISECONDS, () => socket.destroy(new Error(`it took more than ${CONNECT_MILLISECONDS} ms to connect`)));
    return socket.once(connected(address), () => socket.setTimeout(0));
  });
}

/** The event by which a socket tells that it is connected to a peer. */
export const connected = ({ tls }: PeerAddress): 'secureConnect' | 'connect' => (tls ? 'secureConnect' : 'connect');

function connect({ host, port, tls }: PeerAddress, protocols: string[], received: (bytes: Buffer) => void): Socket {
  if (tls) return connectTls({ host, port, ...secureOptions(tls), ALPNProtocols: protocols }).on('data', received);
  return connectTcp({ host, port, onread: { buffer: Buffer.allocUnsafeSlow(READ_BYTES), callback: (length, buffer) => (received((buffer as Buffer).subarray(0, length)), true) } });
}
