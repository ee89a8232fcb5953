import type { OutgoingHttpHeaders } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import { readAllBytes, type UniversalHandler, type UniversalServerRequest, type UniversalServerResponse } from '@connectrpc/connect/protocol';
import { codeToHttpStatus, endStreamFlag, endStreamFromJson, endStreamToJson, errorFromJsonBytes, errorToJsonBytes } from '@connectrpc/connect/protocol-connect';
import { findTrailerError, setTrailerStatus } from '@connectrpc/connect/protocol-grpc';
import { trailerFlag, trailerParse, trailerSerialize } from '@connectrpc/connect/protocol-grpc-web';
import { ErrorInfoSchema } from '@mainstay/kernel/contract/google/rpc/error_details_pb.js';
import { codeName } from '../../errors/code-name.ts';
import { httpErrors } from '../http-errors.ts';
import { problemOf } from '../problem.ts';

const jsonOptions = {};

/**
 * Puts a reason into the errors that Connect itself finds in a request: broken envelopes, unknown compression, media
 * types. What it calls `internal`, because bytes do not parse, is the sender's fault and becomes `invalid_argument`.
 */
export function withReasons(handler: UniversalHandler): UniversalHandler {
  const { allowedMethods, method, protocolNames, requestPath, service, supportedContentType } = handler;
  const reasoned = async (request: UniversalServerRequest) => reasonedAnswer(request, await handler(request));
  return Object.assign(reasoned, { allowedMethods, method, protocolNames, requestPath, service, supportedContentType });
}

function reasonedAnswer(request: UniversalServerRequest, answer: UniversalServerResponse): UniversalServerResponse | Promise<UniversalServerResponse> {
  const { status, header, body } = answer;
  if (status !== 200 && !header?.has('content-type')) return bareRefusal(request, answer);
  const type = header?.get('content-type') ?? '';
  if (!body) return answer;
  if (status !== 200 && type === 'application/json') return unaryRefusal(answer, body);
  if (type.startsWith('application/connect')) return { ...answer, body: eachMessage(body, endStreamFlag, reasonedEnd) };
  return type.startsWith('application/grpc-web') ? { ...answer, body: eachMessage(body, trailerFlag, reasonedWebTrailers) } : answer;
}

/** What no protocol takes: Connect answers with a status and nothing else. */
function bareRefusal(request: UniversalServerRequest, { status, header }: UniversalServerResponse): UniversalServerResponse {
  const error =
    status === 405 ? httpErrors.METHOD_NOT_ALLOWED({ method: request.method, allowed: 'POST' })
    : status === 415 ? httpErrors.UNSUPPORTED_MEDIA_TYPE({ expected: 'a Connect, gRPC or JSON content-type', got: request.header.get('content-type') ?? 'a body without content-type' })
    : httpErrors.MALFORMED_REQUEST({ problem: status === 505 ? 'this method streams both ways; call it by HTTP/2' : `status ${status}` });
  const headers = new Headers(header);
  headers.set('content-type', 'application/problem+json');
  if (status === 405) headers.set('allow', 'POST');
  return { status, header: headers, body: one(Buffer.from(JSON.stringify({ ...problemOf(error, new URL(request.url).pathname), status }))) };
}

async function unaryRefusal(answer: UniversalServerResponse, body: AsyncIterable<Uint8Array>): Promise<UniversalServerResponse> {
  const bytes = await readAllBytes(body, 0xffff_ffff);
  const error = answer.header?.has('content-encoding') ? undefined : errorFromJsonBytes(bytes, undefined, new ConnectError('unreadable'));
  if (!error || error.details.length > 0) return { ...answer, body: one(bytes) };
  const reasoned = reasonedError(error);
  const changed = errorToJsonBytes(reasoned, jsonOptions);
  const header = new Headers(answer.header);
  header.set('content-length', String(changed.length));
  return { ...answer, status: codeToHttpStatus(reasoned.code), header, body: one(changed) };
}

/** Gives what a stream ends with its reason; whatever comes before it passes as it is. */
async function* eachMessage(body: AsyncIterable<Uint8Array>, flag: number, reasoned: (content: Uint8Array) => Uint8Array | undefined): AsyncGenerator<Uint8Array> {
  for await (const message of body) {
    const changed = message[0] === flag ? reasoned(message.subarray(5)) : undefined;
    yield changed ? enveloped(flag, changed) : message;
  }
}

function enveloped(flags: number, content: Uint8Array): Uint8Array {
  const head = Buffer.alloc(5, flags);
  head.writeUInt32BE(content.length, 1);
  return Buffer.concat([head, content]);
}

function reasonedEnd(content: Uint8Array): Uint8Array | undefined {
  const end = endStreamFromJson(content);
  return end.error && end.error.details.length === 0 ? Buffer.from(JSON.stringify(endStreamToJson(end.metadata, reasonedError(end.error), jsonOptions))) : undefined;
}

function reasonedWebTrailers(content: Uint8Array): Uint8Array | undefined {
  const trailer = trailerParse(content);
  const error = findTrailerError(trailer);
  if (!error || error.details.length > 0) return undefined;
  setTrailerStatus(trailer, reasonedError(error));
  return trailerSerialize(trailer);
}

/** The trailers of gRPC with the reason of the error, if they tell of one. */
export function reasonedTrailers(trailers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const status = trailers['grpc-status'];
  if (status === '0' || status === undefined || trailers['grpc-status-details-bin'] !== undefined) return trailers;
  const headers = new Headers(trailers as Record<string, string>);
  const error = findTrailerError(headers);
  return error ? Object.fromEntries(setTrailerStatus(headers, reasonedError(error))) : trailers;
}

const one = async function* (bytes: Uint8Array) {
  yield bytes;
};

/** The same error with a reason. Made by nobody here, it is about the request. */
function reasonedError({ code, rawMessage }: ConnectError): ConnectError {
  if (code === Code.Internal && /^(parse|cannot decode|decompression failed|received compressed|protocol error|invalid|illegal|premature)/.test(rawMessage)) return httpErrors.MALFORMED_MESSAGE({ problem: rawMessage });
  const reason = reasons[code] ?? codeName(code);
  return new ConnectError(rawMessage, code, undefined, [{ desc: ErrorInfoSchema, value: { domain: 'kernel', reason } }]);
}

/** Where the code alone says too little. */
const reasons: Partial<Record<Code, string>> = { [Code.InvalidArgument]: 'MALFORMED_MESSAGE', [Code.ResourceExhausted]: 'BODY_TOO_LARGE', [Code.Unimplemented]: 'UNSUPPORTED_ENCODING' };
