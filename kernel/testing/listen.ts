import type { AddressInfo, Server } from 'node:net';

/** Lets a server listen on any free port of the loopback interface; gives its address, such as `http://127.0.0.1:4711`. */
export async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
