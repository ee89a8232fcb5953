import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { takeInherited } from './inherited-sockets.ts';
import { addressesOf, tryToListen } from './try-to-listen.ts';

let shared = false;

/** Addresses and ports that this process listens on: sharing is between processes, and the system would divide connections among listeners of one, too. */
const taken = new Set<string>();

/** From now on other processes of the same user may listen on the ports of this one (SO_REUSEPORT): replicas, and one that takes its place. */
export function sharePorts(): void {
  // Elsewhere the system does not divide connections among them.
  shared = process.platform === 'linux';
}

/**
 * Binds every address of a host to one port; `localhost` is IPv4 and IPv6 loopback. Port 0 takes one that is free on all of them. One that is
 * to be `alone` fails with `EADDRINUSE` where another process listens there at the moment, also if ports are shared.
 */
export async function bindAll(host: string, port: number, accept: (socket: Socket) => void, alone = false, attempt = 1): Promise<{ port: number; listeners: Server[] }> {
  const listeners: Server[] = [];
  let bound = port;
  for (const address of addressesOf(host)) {
    const listener = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 }, accept);
    try {
      const fd = takeInherited(address, bound);
      if (alone && shared && fd === undefined) await requireFree(address, bound);
      bound = await bind(listener, address, bound, fd);
      listeners.push(listener);
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      // A machine without IPv6 has no ::1.
      if (listeners.length > 0 && ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL'].includes(code)) continue;
      for (const listener of listeners) listener.close();
      if (port === 0 && code === 'EADDRINUSE' && attempt < 5) return bindAll(host, port, accept, alone, attempt + 1);
      throw error;
    }
  }
  return { port: bound, listeners };
}

/** A turn of the event loop that took less found nothing to do, in milliseconds. */
const QUIET_MILLISECONDS = 0.05;
/** A process that never rests closes anyway, in milliseconds. */
const PATIENCE_MILLISECONDS = 1000;

/**
 * Takes no connections any more. Where others listen on the same port by sockets of their own, the system resets those that it took in our
 * name and that nobody has accepted when we close (SO_REUSEPORT; Linux, net.ipv4.tcp_migrate_req), so that waits for a moment in which
 * there are none. A socket that was inherited stays open elsewhere, and nothing is lost with ours.
 */
export async function stopListening(listeners: readonly Server[]): Promise<void> {
  if (shared) await quietMoment();
  for (const listener of listeners) listener.close();
}

async function quietMoment(): Promise<void> {
  const end = performance.now() + PATIENCE_MILLISECONDS;
  for (let last = performance.now(), now = 0; now < end; last = now) {
    await nextTurn();
    now = performance.now();
    if (now - last < QUIET_MILLISECONDS) return;
  }
}

function bind(listener: Server, host: string, port: number, fd: number | undefined): Promise<number> {
  return new Promise((resolve, reject) => {
    if (taken.has(`${host} ${port}`)) return reject(portTaken(port));
    listener.once('error', (error: NodeJS.ErrnoException) => reject(refusal(port, error)));
    listener.listen(fd === undefined ? { host, port, ...(shared && { reusePort: true }) } : { fd }, () => {
      // Later errors, such as too many open files, concern one connection, not the port.
      listener.removeAllListeners('error').on('error', () => {});
      const bound = (listener.address() as AddressInfo).port;
      taken.add(`${host} ${bound}`);
      listener.once('close', () => taken.delete(`${host} ${bound}`));
      resolve(bound);
    });
  });
}

async function requireFree(host: string, port: number): Promise<void> {
  const error = await tryToListen(host, port);
  if (error) throw refusal(port, error);
}

const refusal = (port: number, error: NodeJS.ErrnoException): Error => (error.code === 'EADDRINUSE' ? portTaken(port, error) : error);

const portTaken = (port: number, cause?: Error) => Object.assign(new Error(`port ${port} is taken`, { cause }), { code: 'EADDRINUSE', port });

/** A host and port as a URL for HTTP, such as `http://[::1]:4400`. */
export const urlOf = (host: string, port: number): string => `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
