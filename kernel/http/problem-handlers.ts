import { STATUS_CODES } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import type { FastifyError, FastifyInstance } from 'fastify';
import type { Logger } from '../telemetry/log.ts';
import { requestIdHeader, requestIdOf } from '../telemetry/request-id.ts';
import { httpErrors } from './http-errors.ts';
import { isUnexpected, problemOf, sendProblem } from './problem.ts';

/** Makes every error outside of the RPC protocols a problem document, and logs those that nobody made on purpose. */
export function problemHandlers(app: FastifyInstance, { bodyLimitBytes, log }: { bodyLimitBytes: number; log: Logger }): void {
  app.setErrorHandler((thrown: FastifyError | ConnectError, request, reply) => {
    const error = thrown instanceof ConnectError ? thrown : ofFastify(thrown, bodyLimitBytes);
    // The framework would close the connection, and with it lose the answer to a client that is still sending.
    if (thrown.code === 'FST_ERR_CTP_BODY_TOO_LARGE') reply.removeHeader('connection');
    if (isUnexpected(error)) log.error({ err: thrown, path: request.url.split('?', 1)[0] }, 'a request failed');
    return sendProblem(reply, error);
  });
  app.setNotFoundHandler((request, reply) => sendProblem(reply, httpErrors.NO_SUCH_PATH({ path: request.url.split('?', 1)[0]! })));
  app.server.removeAllListeners('clientError').on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable || error.code === 'ECONNRESET') return socket.destroy();
    const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
    const body = JSON.stringify({ ...problemOf(httpErrors.MALFORMED_REQUEST({ problem: STATUS_CODES[status]!.toLowerCase() })), status });
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\ncontent-type: application/problem+json\r\n${requestIdHeader}: ${requestIdOf(undefined)}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`);
  });
}

/** What the framework refuses before a method is reached. */
function ofFastify(error: FastifyError, limit: number): ConnectError {
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') return httpErrors.BODY_TOO_LARGE({ limit });
  if (error.code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return httpErrors.UNSUPPORTED_MEDIA_TYPE({ expected: 'a Connect, gRPC or JSON content-type', got: 'this one' });
  if (error.statusCode !== undefined && error.statusCode < 500) return httpErrors.MALFORMED_REQUEST({ problem: error.message });
  return ConnectError.from(error, Code.Internal);
}
