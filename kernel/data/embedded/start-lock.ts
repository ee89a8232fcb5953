import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs `work` while no other process on this machine runs work for the same `name`.
 * The lock is an abstract unix socket: the system lets go of it when its holder dies, however it dies.
 */
export async function withStartLock<T>(name: string, work: () => Promise<T>, patience = 120_000): Promise<T> {
  const server = await acquire(`\0mainstay-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`, performance.now() + patience, name);
  try {
    return await work();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

async function acquire(path: string, until: number, name: string): Promise<Server> {
  for (;;) {
    const server = createServer((socket) => socket.destroy());
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      server.once('error', resolve);
      server.listen({ path, exclusive: true }, () => resolve(undefined));
    });
    if (!error) return server.unref();
    if (error.code !== 'EADDRINUSE') throw error;
    if (performance.now() > until) throw new Error(`another process has been starting ${name} for too long: stop it and try again`);
    await sleep(20);
  }
}
