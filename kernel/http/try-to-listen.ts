import { createServer } from 'node:net';

/** The addresses that a host stands for; `localhost` is IPv4 and IPv6 loopback. */
export const addressesOf = (host: string): string[] => (host === 'localhost' ? ['127.0.0.1', '::1'] : [host]);

/** Listens on an address and port for a moment, shared with nobody: gives the error of it, such as one with the code `EADDRINUSE`, or nothing. */
export function tryToListen(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', resolve);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
