import { createServer } from 'node:net';
import { OperatorError } from './operator-error.ts';

/** Throws an `OperatorError` if another program listens on the port. Port 0 is always free. */
export async function requireFreePort(host: string, port: number): Promise<void> {
  const addresses = host === 'localhost' ? ['127.0.0.1', '::1'] : [host];
  for (const address of port === 0 ? [] : addresses) {
    const problem = await tryToListen(address, port);
    if (problem === 'EADDRINUSE') throw new OperatorError(`port ${port} is taken by another program; choose another with --port N`);
    if (problem === 'EACCES') throw new OperatorError(`port ${port} needs more rights than you have; choose one above 1023 with --port N`);
    // A machine without IPv6 has no ::1.
    if (problem && host !== 'localhost') throw new OperatorError(`it is not possible to listen on ${host}: ${problem}; correct "http.host" in the deployment file`);
  }
}

function tryToListen(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
