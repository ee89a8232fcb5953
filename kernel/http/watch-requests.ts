import type { FastifyInstance, FastifyRequest } from 'fastify';
import { requestIdHeader, requestIdOf } from '../telemetry/request-id.ts';
import { logRequest, type RequestLog } from '../telemetry/request-log.ts';
import type { Logger } from '../telemetry/log.ts';
import { peerOf } from './peer.ts';

/** Gives every request its id, which goes on to the method and back to the caller, and its line in the log. */
export function watchRequests(app: FastifyInstance, log: Logger, which: RequestLog): void {
  app.addHook('onRequest', (request, reply, done) => {
    const id = requestIdOf(request.headers[requestIdHeader]);
    request.raw.headers[requestIdHeader] = id;
    reply.header(requestIdHeader, id);
    if (which !== 'none') peerOf(request).watched = true;
    done();
  });
  if (which === 'none') return;
  app.addHook('onResponse', (request, reply, done) => {
    const bytesIn = bytesOf(request.headers['content-length']);
    const bytesOut = bytesOf(reply.getHeader('content-length') ?? reply.raw.getHeader('content-length'));
    logRequest(log, which, {
      seen: peerOf(request).seen,
      status: reply.raw.statusCode,
      path: pathOf(request),
      milliseconds: reply.elapsedTime,
      address: request.ip,
      requestId: String(request.headers[requestIdHeader]),
      ...(bytesIn !== undefined && { bytesIn }),
      ...(bytesOut !== undefined && { bytesOut }),
    });
    done();
  });
}

const pathOf = ({ url }: FastifyRequest): string => url.split('?', 1)[0]!.slice(0, 200);

function bytesOf(length: unknown): number | undefined {
  const bytes = Number(length);
  return length !== undefined && Number.isSafeInteger(bytes) ? bytes : undefined;
}
