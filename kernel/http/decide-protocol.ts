import type { Socket } from 'node:net';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/**
 * Reads just enough of a new connection to know whether it speaks HTTP/2, then puts the bytes back; cuts it if that takes too long.
 * The bytes are held here meanwhile: putting a lone "P" back would make the socket readable at once, over and over.
 */
export function decideProtocol(socket: Socket, withinMs: number, decided: (isHttp2: boolean) => void): void {
  let held = Buffer.alloc(0);
  const cut = () => socket.destroy();
  const timer = setTimeout(cut, withinMs);
  const look = () => {
    const chunk: Buffer | null = socket.read();
    if (chunk) held = Buffer.concat([held, chunk]);
    const known = Math.min(held.length, preface.length);
    const matches = held.subarray(0, known).equals(preface.subarray(0, known));
    if (matches && known < preface.length) return;
    stop();
    socket.unshift(held);
    decided(matches);
  };
  const stop = () => {
    clearTimeout(timer);
    socket.off('readable', look).off('error', cut).off('end', cut).off('close', stop);
  };
  socket.on('readable', look).on('error', cut).on('end', cut).on('close', stop);
}
