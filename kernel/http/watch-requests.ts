import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from '../telemetry/log.ts';
import { requestIdHeader, requestIdOf } from '../telemetry/request-id.ts';
import { logRequest } from '../telemetry/request-log.ts';
import { observedByDefault, type Observed } from '../telemetry/telemetry-config.ts';
import { peerOf } from './peer.ts';

/** Gives every request its id, which goes on to the method and back to the caller, and its line in the log. */
export function watchRequests(app: FastifyInstance, log: Logger, observed: Readonly<Observed> = observedByDefault): void {
  app.addHook('onRequest', (request, reply, done) => {
    const id = requestIdOf(request.headers[requestIdHeader]);
    request.raw.headers[requestIdHeader] = id;
    reply.header(requestIdHeader, id);
    if (observed.requestLog !== 'none') watch(request, reply, log, observed.requestLog);
    done();
  });
}

/** Listening to the end of each answer costs more than the rest of a small call, so only what gets a line is listened to. */
function watch(request: FastifyRequest, reply: FastifyReply, log: Logger, which: 'all' | 'errors'): void {
  const peer = peerOf(request);
  const began = performance.now();
  const whenOver = () => void reply.raw.once('close', () => writeLine(log, request, reply, performance.now() - began));
  peer.watched = which;
  if (which === 'all') whenOver();
  else peer.told = whenOver;
}

function writeLine(log: Logger, request: FastifyRequest, reply: FastifyReply, milliseconds: number): void {
  const bytesIn = bytesOf(request.headers['content-length']);
  const bytesOut = bytesOf(reply.getHeader('content-length') ?? reply.raw.getHeader('content-length'));
  logRequest(log, {
    seen: peerOf(request).seen,
    status: reply.raw.statusCode,
    path: request.url.split('?', 1)[0]!.slice(0, 200),
    milliseconds,
    address: peerOf(request).address,
    ...(peerOf(request).domain !== undefined && { domain: peerOf(request).domain }),
    requestId: String(request.headers[requestIdHeader]),
    ...(bytesIn !== undefined && { bytesIn }),
    ...(bytesOut !== undefined && { bytesOut }),
  });
}

function bytesOf(length: unknown): number | undefined {
  const bytes = Number(length);
  return length !== undefined && Number.isSafeInteger(bytes) ? bytes : undefined;
}
