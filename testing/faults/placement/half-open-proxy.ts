import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** Stands between two processes; what goes through it may stop to, without an end of the connections. */
export interface HalfOpenProxy {
  /** Where to call instead of the target. */
  address: string;
  /** Where it leads, such as `http://127.0.0.1:4501`; before the first connection. */
  target: string;
  readonly connections: number;
  /** Nothing passes any more, in either direction, on the connections that are there; nobody is told. New ones work. */
  freeze(): void;
  close(): Promise<void>;
}

/** Opens one on a free port of this machine. */
export async function halfOpenProxy(): Promise<HalfOpenProxy> {
  const all = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    const { hostname, port } = new URL(proxy.target);
    const far = connect({ host: hostname, port: Number(port), allowHalfOpen: true, noDelay: true });
    const end = () => (near.destroy(), far.destroy());
    for (const socket of [near, far]) all.add(socket.on('error', end).once('close', () => (all.delete(socket), end())));
    near.pipe(far);
    far.pipe(near);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: HalfOpenProxy = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    target: '',
    get connections() {
      return all.size / 2;
    },
    freeze() {
      for (const socket of all) socket.unpipe().pause();
    },
    async close() {
      for (const socket of all) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
  return proxy;
}
