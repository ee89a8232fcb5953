import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { httpErrors } from './http-errors.ts';
import { sendProblem } from './problem.ts';

/** Bodies that may stay open as long as the call lasts. */
const streaming = /^application\/(connect\+|grpc)/;

/** Bodies are looked at this often, in milliseconds, so that none needs a timer and listeners of its own. */
const lookEveryMs = 1000;

type OpenBodies = Map<IncomingMessage, { reply: FastifyReply; until: number }>;
const openBodies = Symbol('where the body of a request is watched');
type Watched = IncomingMessage & { [openBodies]?: OpenBodies };

/** Lifts the limit from a request whose body is there, or whose reader has a limit of its own. */
export const liftBodyLimit = (request: Watched): void => void request[openBodies]?.delete(request);

/** Cuts a request whose body trickles in, in milliseconds; streams of messages are left alone, however long they last. */
export function limitBodyTime(app: FastifyInstance, withinMs: number): void {
  const open: OpenBodies = new Map();
  const timer = setInterval(() => cutSlow(open, withinMs), Math.min(lookEveryMs, withinMs / 4)).unref();
  app.addHook('onClose', (_app, done) => {
    clearInterval(timer);
    done();
  });
  app.addHook('onRequest', (request, reply, done) => {
    if (isLimited(request)) {
      open.set(request.raw, { reply, until: performance.now() + withinMs });
      (request.raw as Watched)[openBodies] = open;
    }
    done();
  });
}

const isLimited = ({ raw, method, headers }: FastifyRequest): boolean => !raw.readableEnded && method !== 'GET' && method !== 'HEAD' && !streaming.test(headers['content-type'] ?? '');

function cutSlow(open: OpenBodies, withinMs: number): void {
  const now = performance.now();
  for (const [request, { reply, until }] of open) {
    const isOver = request.complete || request.destroyed || reply.raw.writableFinished;
    if (!isOver && until > now) continue;
    open.delete(request);
    if (isOver) continue;
    if (!reply.sent && !reply.raw.headersSent) sendProblem(reply.header('connection', 'close'), httpErrors.BODY_TOO_SLOW({ seconds: withinMs / 1000 }));
    reply.raw.once('finish', () => request.destroy());
  }
}
