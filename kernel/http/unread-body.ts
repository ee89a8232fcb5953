import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';

/**
 * Reads to its end, and forgets, what is left of a request when its answer is out: a stream that was refused at its
 * first message would leave the connection to nobody, and the next request on it without an answer.
 */
export function dropUnreadBodies(app: FastifyInstance): void {
  app.addHook('onRequest', ({ method, raw }, reply, done) => {
    if (method !== 'GET' && method !== 'HEAD') reply.raw.once('finish', () => raw.readableEnded || drop(raw));
    done();
  });
}

/** Whoever read it before may have stopped in between: a stream with a listener for `readable` does not flow. */
function drop(body: Readable): void {
  body.removeAllListeners('readable');
  setImmediate(() => body.resume());
}
