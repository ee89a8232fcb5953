import type { DescMessage } from '@bufbuild/protobuf';
import type { FastifyRequest } from 'fastify';
import { httpErrors } from './http-errors.ts';
import { messageLimit } from './rpc/message-limit.ts';

const ownLimit = Symbol('the largest message of a request');
type Limited = FastifyRequest & { [ownLimit]?: number };

/** Lets a request have less than others. Throws `kernel.BODY_TOO_LARGE` if it has announced more already. */
export function limitBody(request: Limited, bytes: number): void {
  request[ownLimit] = bytes;
  refuseAnnounced(request, bytes);
}

/** Throws `kernel.BODY_TOO_LARGE` if a request has announced more than that. */
export function refuseAnnounced({ headers }: FastifyRequest, bytes: number): void {
  if (Number(headers['content-length'] ?? 0) > bytes) throw httpErrors.BODY_TOO_LARGE({ limit: bytes });
}

/** The largest message of a request, in bytes. */
export const bodyLimitOf = (request: Limited, input: DescMessage, bodyLimitBytes: number): number => Math.min(messageLimit(input, bodyLimitBytes), request[ownLimit] ?? bodyLimitBytes);
