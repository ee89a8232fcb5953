import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A connection on which a test sends what it likes. Errors are no news: it is meant to be cut. */
export async function openRaw(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  return socket.setMaxListeners(0).on('error', () => {});
}

/** Many of them. */
export const openMany = (port: number, count: number): Promise<Socket[]> => Promise.all(Array.from({ length: count }, () => openRaw(port)));

/** Sends bytes, not faster than they are taken. */
export async function send(socket: Socket, bytes: string | Uint8Array): Promise<void> {
  if (socket.destroyed || !socket.writable) return;
  if (!socket.write(bytes)) await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {});
}

/** All that comes until the connection ends, at most `mostMs`. */
export async function received(socket: Socket, mostMs = 5000): Promise<string> {
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  const timer = setTimeout(() => socket.destroy(), mostMs);
  if (!socket.destroyed) await once(socket, 'close').catch(() => {});
  clearTimeout(timer);
  return text;
}

/** Opens a connection, sends bytes, and gives what comes back until it ends. */
export async function answerTo(port: number, bytes: string | Uint8Array, mostMs?: number): Promise<string> {
  const socket = await openRaw(port);
  socket.write(bytes);
  return received(socket, mostMs);
}

export function cut(sockets: readonly Socket[]): void {
  for (const socket of sockets) socket.destroy();
}
