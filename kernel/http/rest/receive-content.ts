import type { IncomingMessage } from 'node:http';
import { create, ScalarType, type DescField, type DescMethodStreaming, type JsonReadOptions, type Message } from '@bufbuild/protobuf';
import type { Transport } from '@connectrpc/connect';
import { HttpBodySchema } from '@mainstay/kernel/contract/google/api/httpbody_pb.js';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { liftBodyLimit } from '../body-time-limit.ts';
import { callTimeout } from '../call-timeout.ts';
import { callHeaders } from '../forwarded-headers.ts';
import { httpErrors } from '../http-errors.ts';
import { peerValues } from '../peer.ts';
import type { HttpBinding } from './http-binding.ts';
import { requestMessage } from './rest-request.ts';

/** A sender who is silent for so long is given up, in milliseconds. */
const silenceMs = 30_000;
/** What a refused sender still sends is thrown away for so long, so that it can read why. */
const lingerMs = 2000;

/**
 * Passes the body of a request on as it comes, to a method that takes a stream of `google.api.HttpBody`: the method
 * sets the pace, and refuses before anything was read. The first message has the fields of path and query, the type,
 * and in a field `size`, if there is one, the content-length. Resolves with the method's answer.
 */
export async function receiveContent(request: FastifyRequest, reply: FastifyReply, binding: HttpBinding, segments: readonly string[], transport: Transport, json: Partial<JsonReadOptions>) {
  const { raw, headers } = request;
  liftBodyLimit(raw);
  discardRest(raw, reply);
  if ((headers['content-encoding'] ?? 'identity') !== 'identity') throw httpErrors.UNSUPPORTED_MEDIA_TYPE({ expected: 'the body without content-encoding', got: headers['content-encoding']! });
  const query = request.url.includes('?') ? request.url.slice(request.url.indexOf('?') + 1) : '';
  const field = binding.body as DescField;
  const first = requestMessage(binding, { segments, query, body: new Uint8Array() }, json) as Message & Record<string, unknown>;
  const size = binding.method.input.fields.find(({ name, scalar }) => name === 'size' && scalar === ScalarType.INT64);
  if (size && !first[size.localName]) first[size.localName] = BigInt(headers['content-length'] ?? 0);
  first[field.localName] = create(HttpBodySchema, { contentType: headers['content-type'] ?? '' });
  const left = new AbortController();
  reply.raw.once('close', () => {
    if (!reply.raw.writableEnded) left.abort();
  });
  const messages = messagesOf(first, raw, (data) => create(binding.method.input, { [field.localName]: { data } } as never));
  const { message, header } = await transport.stream(binding.method as DescMethodStreaming, left.signal, callTimeout(headers), callHeaders(headers), messages as never, peerValues(request));
  for await (const answer of message) return { message: answer as Message, header };
  throw new Error(`${binding.method.name} ended without an answer`);
}

async function* messagesOf(first: Message, raw: IncomingMessage, message: (data: Uint8Array) => Message): AsyncGenerator<Message> {
  yield first;
  const chunks = raw.iterator({ destroyOnReturn: false }) as AsyncIterator<Uint8Array>;
  try {
    for (let next = await soon(chunks); !next.done; next = await soon(chunks)) yield message(next.value);
  } finally {
    await chunks.return?.();
  }
}

function soon<T>(chunks: AsyncIterator<T>): Promise<IteratorResult<T>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(httpErrors.BODY_TOO_SLOW({ seconds: silenceMs / 1000 })), silenceMs);
    chunks.next().then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** Closing a connection while the other side sends would take the answer from it. */
function discardRest(raw: IncomingMessage, reply: FastifyReply): void {
  reply.raw.once('finish', () => {
    if (raw.readableEnded) return;
    const timer = setTimeout(() => raw.destroy(), lingerMs).unref();
    raw.once('close', () => clearTimeout(timer)).on('error', () => {}).resume();
  });
}
