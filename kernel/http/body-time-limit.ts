import type { IncomingMessage } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { DescService } from '@bufbuild/protobuf';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { httpErrors } from './http-errors.ts';
import { sendProblem } from './problem.ts';

/** Bodies are looked at this often, in milliseconds, so that none needs a timer and listeners of its own. */
const lookEveryMs = 1000;

type OpenBodies = Map<IncomingMessage, { reply: FastifyReply; until: number }>;
const openBodies = Symbol('where the body of a request is watched');
type Watched = IncomingMessage & { [openBodies]?: OpenBodies };

/** Lifts the limit from a request whose body is there, or whose reader has a limit of its own. */
export const liftBodyLimit = (request: Watched): void => void request[openBodies]?.delete(request);

/** Cuts a request whose body trickles in, in milliseconds; streams of requests are left alone, however long they last. */
export function limitBodyTime(app: FastifyInstance, withinMs: number, services: readonly DescService[]): void {
  const lasting = pathsOfStreams(services);
  const open: OpenBodies = new Map();
  const timer = setInterval(() => cutSlow(open, withinMs), Math.min(lookEveryMs, withinMs / 4)).unref();
  app.addHook('onClose', (_app, done) => {
    clearInterval(timer);
    done();
  });
  app.addHook('onRequest', (request, reply, done) => {
    if (isLimited(request) && !lasting.has(request.url)) {
      open.set(request.raw, { reply, until: performance.now() + withinMs });
      (request.raw as Watched)[openBodies] = open;
    }
    done();
  });
}

/** Where a body may stay open as long as the call lasts. */
const pathsOfStreams = (services: readonly DescService[]): ReadonlySet<string> =>
  new Set(services.flatMap(({ methods }) => methods).filter(({ methodKind }) => methodKind === 'client_streaming' || methodKind === 'bidi_streaming').map(({ name, parent }) => `/${parent.typeName}/${name}`));

const isLimited = ({ raw, method }: FastifyRequest): boolean => !raw.readableEnded && method !== 'GET' && method !== 'HEAD';

function cutSlow(open: OpenBodies, withinMs: number): void {
  const now = performance.now();
  for (const [request, { reply, until }] of open) {
    const isOver = request.complete || request.destroyed || reply.raw.writableFinished;
    if (!isOver && until > now) continue;
    open.delete(request);
    if (isOver) continue;
    if (request.httpVersionMajor === 1 && !reply.raw.headersSent) void reply.header('connection', 'close');
    if (!reply.sent && !reply.raw.headersSent) sendProblem(reply, httpErrors.BODY_TOO_SLOW({ seconds: withinMs / 1000 }));
    endAfter(reply, request);
  }
}

/** Ends a request when its answer is out. Over HTTP/2 its connection goes on (RFC 9113 §8.1), and the answer is told to be out only when the stream ends. */
function endAfter({ raw }: FastifyReply, request: IncomingMessage & { stream?: ServerHttp2Stream }): void {
  const { stream } = request;
  if (stream) stream.once('finish', () => stream.close(constants.NGHTTP2_NO_ERROR));
  else raw.once('finish', () => request.destroy());
}
