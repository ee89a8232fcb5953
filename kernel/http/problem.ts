import { STATUS_CODES } from 'node:http';
import { Code, ConnectError } from '@connectrpc/connect';
import { ErrorInfoSchema, PreconditionFailureSchema, RetryInfoSchema } from '@mainstay/kernel/contract/google/rpc/error_details_pb.js';
import type { FastifyReply } from 'fastify';
import { codeName } from '../errors/code-name.ts';
import { reasonOf, violationsOf } from '../errors/define-errors.ts';
import { etagPrecondition } from '../queries/etag.ts';
import { requestIdHeader, requestIdOf } from '../telemetry/request-id.ts';
import { errorBody } from './error-words.ts';
import { endToEndHeaders } from './forwarded-headers.ts';
import { statusOfReason } from './http-errors.ts';

/** An error as REST clients see it: RFC 9457, `application/problem+json`. */
export interface Problem {
  /** `urn:mainstay:problem:` and the title in kebab-case. */
  type: string;
  /** The gRPC code in words, or the name of an HTTP status that says more. */
  title: string;
  status: number;
  detail: string;
  /** The path that was called. */
  instance?: string;
  /** The stable name of the error, such as `mod-promist.PROMISE_NOT_FOUND`. */
  reason: string;
  /** What to quote when an internal error is reported. */
  traceId?: string;
  /** The fields that are wrong. */
  errors?: { field: string; detail: string; reason?: string }[];
}

/** The HTTP status of each gRPC code, as `google.rpc.Code` documents it. */
export const statusOfCode: Readonly<Record<Code, number>> = {
  [Code.Canceled]: 499,
  [Code.Unknown]: 500,
  [Code.InvalidArgument]: 400,
  [Code.DeadlineExceeded]: 504,
  [Code.NotFound]: 404,
  [Code.AlreadyExists]: 409,
  [Code.PermissionDenied]: 403,
  [Code.ResourceExhausted]: 429,
  [Code.FailedPrecondition]: 400,
  [Code.Aborted]: 409,
  [Code.OutOfRange]: 400,
  [Code.Unimplemented]: 501,
  [Code.Internal]: 500,
  [Code.Unavailable]: 503,
  [Code.DataLoss]: 500,
  [Code.Unauthenticated]: 401,
};

/** Describes an error; one that was not made on purpose says nothing of its cause. */
export function problemOf(thrown: unknown, instance?: string): Problem {
  const error = ConnectError.from(thrown, Code.Internal);
  // What the transport says itself, such as that the time is over, has no reason of its own.
  const reason = reasonOf(error) ?? `kernel.${codeName(error.code)}`;
  const ownStatus = statusOfReason[reason] ?? (isEtagMismatch(error) ? 412 : undefined);
  const name = ownStatus ? STATUS_CODES[ownStatus]! : Code[error.code].replace(/(?!^)[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  const errors = violationsOf(error).map(({ field, description, reason }) => ({ field, detail: description, ...(reason && { reason }) }));
  const traceId = error.findDetails(ErrorInfoSchema)[0]?.metadata.traceId;
  return {
    type: `urn:mainstay:problem:${name.toLowerCase().replaceAll(' ', '-')}`,
    title: name,
    status: ownStatus ?? statusOfCode[error.code],
    detail: isUnexpected(error) ? 'internal error' : error.rawMessage,
    ...(instance && { instance }),
    reason,
    ...(traceId && { traceId }),
    ...(errors.length > 0 && { errors }),
  };
}

/** An error without a reason and with a code that stands for a defect: its text may tell of the inside. */
export function isUnexpected(error: ConnectError): boolean {
  return (error.code === Code.Internal || error.code === Code.Unknown || error.code === Code.DataLoss) && reasonOf(error) === undefined;
}

/** Whoever says that the etag does not match, module or kernel, means the same status (RFC 9110). */
const isEtagMismatch = (error: ConnectError): boolean =>
  error.code === Code.Aborted && error.findDetails(PreconditionFailureSchema).some(({ violations }) => violations.some(({ type }) => type === etagPrecondition));

/** Answers with a problem document, or what the protocol of the method has in its place, and the headers that belong to the error. */
export function sendProblem(reply: FastifyReply, thrown: unknown): FastifyReply {
  const error = ConnectError.from(thrown, Code.Internal);
  const problem = problemOf(error, reply.request.url.split('?', 1)[0]);
  if (error.code === Code.Unauthenticated) reply.header('www-authenticate', 'Bearer');
  // What the framework refuses before any hook has run has no id yet.
  if (!reply.hasHeader(requestIdHeader)) reply.header(requestIdHeader, requestIdOf(reply.request.headers[requestIdHeader]));
  const { type, text } = errorBody(reply.request, problem, error);
  return reply.headers(retryAfter(error)).headers(endToEndHeaders(error.metadata)).code(problem.status).type(type).send(text);
}

/** How long to wait before trying again, in whole seconds, where the error says so (RFC 9110 §10.2.3). */
export function retryAfter(error: ConnectError): Record<string, string> {
  const wait = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  return wait ? { 'retry-after': String(Number(wait.seconds) + (wait.nanos > 0 ? 1 : 0)) } : {};
}
