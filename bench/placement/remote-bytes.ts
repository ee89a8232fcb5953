import { once } from 'node:events';
import { connect as connectSocket, createServer, type AddressInfo } from 'node:net';

/** The bytes alone: what a call can cost at the least here. The server gives back what comes; answers come in the order of the calls. */
export async function serve(): Promise<string> {
  const server = createServer({ noDelay: true }, (socket) => void socket.pipe(socket));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return String((server.address() as AddressInfo).port);
}

export async function connect(address: string) {
  const socket = connectSocket({ port: Number(address), host: '127.0.0.1', noDelay: true });
  await once(socket, 'connect');
  const waiting: { length: number; answer: (bytes: Buffer) => void }[] = [];
  let received: Buffer = Buffer.alloc(0);
  socket.on('data', (part: Buffer) => {
    received = received.length > 0 ? Buffer.concat([received, part]) : part;
    while (waiting.length > 0 && received.length >= waiting[0]!.length) {
      const { length, answer } = waiting.shift()!;
      answer(received.subarray(0, length));
      received = received.subarray(length);
    }
  });
  return (text: string) => new Promise<string>((resolve) => {
    const bytes = Buffer.from(text);
    waiting.push({ length: bytes.length, answer: (back) => resolve(back.toString()) });
    socket.write(bytes);
  });
}
