import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { reasonedTrailers } from './reasoned-answers.ts';

/**
 * Gives every error its reason, and writes the trailer `grpc-message` as the gRPC specification has it: only what is not printable ASCII is percent-encoded.
 * Connect encodes more, and clients such as grpc-js would show `%3A` where a colon was.
 */
export function plainGrpcMessages(app: FastifyInstance): void {
  app.addHook('onRequest', async (request, { raw }) => {
    if (!request.headers['content-type']?.startsWith('application/grpc')) return;
    const addTrailers = raw.addTrailers.bind(raw) as (trailers: OutgoingHttpHeaders) => void;
    raw.addTrailers = (given) => {
      const trailers = reasonedTrailers(given as OutgoingHttpHeaders);
      addTrailers({ ...trailers, ...plainMessage(trailers) });
    };
  });
}

function plainMessage(trailers: OutgoingHttpHeaders): OutgoingHttpHeaders {
  const message = trailers['grpc-message'];
  return typeof message === 'string' ? { 'grpc-message': encodeGrpcMessage(decodeURIComponent(message)) } : {};
}

/** Percent-encodes the UTF-8 bytes outside of %x20-%x24 and %x26-%x7E. */
export function encodeGrpcMessage(message: string): string {
  return message.replace(/[^\x20-\x24\x26-\x7e]+/gu, (text) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''));
}
