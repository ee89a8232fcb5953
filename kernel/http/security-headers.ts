import type { FastifyInstance } from 'fastify';

const always = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'content-security-policy': "default-src 'none'; frame-ancestors 'none'" };

/** What every answer says to browsers: take the declared type, no frames, no referrer. Pages set a content policy of their own. */
export function securityHeaders(app: FastifyInstance, stopping: AbortSignal): void {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.headers(always);
    // A kept-alive connection would hold up the stop.
    if (stopping.aborted && reply.request.raw.httpVersionMajor === 1) reply.header('connection', 'close');
    done();
  });
}
