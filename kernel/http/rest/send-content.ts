import { Readable } from 'node:stream';
import type { StreamResponse } from '@connectrpc/connect';
import type { HttpBody } from '@mainstay/kernel/contract/google/api/httpbody_pb.js';
import type { FastifyReply } from 'fastify';
import { endToEndHeaders } from '../forwarded-headers.ts';
import { contentLength, contentStatus } from './offer-content.ts';

/**
 * Answers with the bytes of a stream of `google.api.HttpBody` as they are, no faster than the client reads. An error
 * before the first message rejects; a later one cuts the connection, so that nobody takes a part for the whole.
 */
export async function sendContent(reply: FastifyReply, left: AbortController, open: (signal: AbortSignal) => Promise<StreamResponse>): Promise<FastifyReply> {
  const response = await open(left.signal);
  const messages = response.message[Symbol.asyncIterator]() as AsyncIterator<HttpBody>;
  const first = await messages.next();
  const { [contentStatus]: status = '200', [contentLength]: length, ...headers } = endToEndHeaders(response.header);
  reply.code(Number(status)).headers(headers);
  if (length !== undefined) reply.header('content-length', length);
  if (!first.done) reply.type(first.value.contentType || 'application/octet-stream');
  if (first.done || reply.request.method === 'HEAD') {
    left.abort();
    return reply.send();
  }
  return reply.send(Readable.from(chunksOf(first.value, messages), { objectMode: false }));
}

async function* chunksOf({ data }: HttpBody, messages: AsyncIterator<HttpBody>): AsyncGenerator<Uint8Array> {
  if (data.length > 0) yield data;
  for (let next = await messages.next(); !next.done; next = await messages.next()) yield next.value.data;
}
