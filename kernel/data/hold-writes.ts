import type { Socket } from 'node:net';
import type pg from 'pg';

/** The socket of a connection, which pg does not show. */
export const socketOf = (client: pg.ClientBase): Socket => (client as unknown as { connection: { stream: Socket } }).connection.stream;

const held = new WeakSet<Socket>();

/** What is sent on a connection until the event loop turns leaves in one write. */
export function holdWrites(client: pg.ClientBase): void {
  const socket = socketOf(client);
  if (held.has(socket)) return;
  held.add(socket);
  socket.cork();
  setImmediate(() => {
    held.delete(socket);
    socket.uncork();
  });
}
