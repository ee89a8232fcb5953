import { ConnectError, Code } from '@connectrpc/connect';
import { codeToHttpStatus, endStreamFlag, endStreamToJson, errorToJsonBytes } from '@connectrpc/connect/protocol-connect';
import { setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import type { FastifyReply } from 'fastify';
import { endToEndHeaders } from './forwarded-headers.ts';
import { retryAfter, sendProblem } from './problem.ts';
import { encodeGrpcMessage } from './rpc/grpc-message.ts';

/** The path of a method where gRPC, gRPC-web and Connect call it: no other path has a dot in its first segment. */
export const isRpcPath = (path: string): boolean => /^\/\w+(\.\w+)+\/\w+$/.test(path);

/**
 * Refuses a request before its body is read, in the words of the protocol that it speaks: trailers only for gRPC and gRPC-web,
 * an error as JSON or at the end of a stream for Connect, and a problem document for all else.
 */
export function refuseCall(reply: FastifyReply, thrown: unknown): FastifyReply {
  const error = ConnectError.from(thrown, Code.Internal);
  const { request } = reply;
  const type = request.headers['content-type']?.split(';', 1)[0]!.trim().toLowerCase() ?? '';
  if (!isRpcPath(request.url.split('?', 1)[0]!)) return sendProblem(reply, error);
  reply.headers({ ...endToEndHeaders(error.metadata), ...retryAfter(error) });
  if (type.startsWith('application/grpc')) return endWithStatus(reply.type(type), error);
  if (type.startsWith('application/connect+')) return reply.code(200).type(type).send(lastMessage(error));
  if (type === 'application/proto' || type === 'application/json' || request.method === 'GET') return reply.code(codeToHttpStatus(error.code)).type('application/json').serializer(asItIs).send(Buffer.from(errorToJsonBytes(error, undefined)));
  return sendProblem(reply, error);
}

/** The framework would send the headers before it knows that nothing follows; gRPC clients take the status from headers that are the last. */
function endWithStatus(reply: FastifyReply, error: ConnectError): FastifyReply {
  const status = Object.fromEntries(setTrailerStatus(new Headers(), error));
  const { raw } = reply.hijack();
  raw.statusCode = 200;
  for (const [name, value] of Object.entries({ ...reply.getHeaders(), ...status, 'grpc-message': encodeGrpcMessage(error.rawMessage) })) if (value !== undefined) raw.setHeader(name, value);
  raw.end();
  return reply;
}

function lastMessage(error: ConnectError): Buffer {
  const content = Buffer.from(JSON.stringify(endStreamToJson(new Headers(), error, undefined)));
  const head = Buffer.alloc(5, endStreamFlag);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

const asItIs = (payload: unknown) => payload as string;
