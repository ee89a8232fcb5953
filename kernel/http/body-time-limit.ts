import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { httpErrors } from './http-errors.ts';
import { sendProblem } from './problem.ts';

/** Bodies that may stay open as long as the call lasts. */
const streaming = /^application\/(connect\+|grpc)/;

const stops = new WeakMap<IncomingMessage, () => void>();

/** Lifts the limit from a request whose reader has a limit of its own. */
export const allowLongBody = (request: IncomingMessage): void => stops.get(request)?.();

/** Cuts a request whose body trickles in, in milliseconds; streams of messages are left alone, however long they last. */
export function limitBodyTime(app: FastifyInstance, withinMs: number): void {
  app.addHook('onRequest', (request, reply, done) => {
    watch(request, reply, withinMs);
    done();
  });
}

function watch(request: FastifyRequest, reply: FastifyReply, withinMs: number): void {
  if (request.raw.readableEnded || request.method === 'GET' || request.method === 'HEAD') return;
  if (streaming.test(request.headers['content-type'] ?? '')) return;
  const timer = setTimeout(() => {
    if (!reply.sent && !reply.raw.headersSent) sendProblem(reply.header('connection', 'close'), httpErrors.BODY_TOO_SLOW({ seconds: withinMs / 1000 }));
    reply.raw.once('finish', () => request.raw.destroy());
  }, withinMs);
  const stop = () => clearTimeout(timer);
  stops.set(request.raw, stop);
  request.raw.once('end', stop).once('close', stop);
  reply.raw.once('close', stop);
}
