import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';

/** Who is answered and sends on after so many bytes has had the answer long since, or does not look for it. */
const MOST_BYTES = 64 * 1024 * 1024;
const LOOK_MILLISECONDS = 100;

/**
 * Reads, and forgets, what is left of a request when its answer is out: a stream that was refused at its first message
 * would leave the connection to nobody, and the next request on it without an answer. Closing the connection at once would
 * reset it, and lose the answer to a client that is still sending (RFC 9112 §9.6).
 */
export function dropUnreadBodies(app: FastifyInstance): void {
  app.addHook('onRequest', ({ method, raw }, reply, done) => {
    if (method !== 'GET' && method !== 'HEAD') reply.raw.once('finish', () => raw.readableEnded || drop(raw));
    done();
  });
}

/** Whoever read it before may have stopped in between: a stream with a listener for `readable` does not flow. */
function drop(body: IncomingMessage): void {
  body.removeAllListeners('readable');
  setImmediate(() => body.resume());
  // Over HTTP/2 a stream is not more than a part of its connection, and its client is held back by flow control.
  if (body.httpVersionMajor === 1) bound(body);
}

/** The server forgets by itself what nobody reads, so only the connection tells how much that is. */
function bound(body: IncomingMessage): void {
  const { socket } = body;
  const last = socket.bytesRead + MOST_BYTES;
  const timer = setInterval(() => socket.bytesRead > last && socket.destroy(), LOOK_MILLISECONDS).unref();
  for (const event of ['end', 'close']) body.once(event, () => clearInterval(timer));
}
