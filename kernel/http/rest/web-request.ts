import { create } from '@bufbuild/protobuf';
import { WebRequestSchema, type WebHeader, type WebRequest, type WebResponse } from '@mainstay/kernel/contract/mainstay/web_pb.js';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { httpErrors } from '../http-errors.ts';

/** What its contract lets the body of a request have. */
export const webBodyBytes = 1024 * 1024;

/** A request as it came, for a method of a protocol of others. */
export function webRequest({ method, url, headers, body }: FastifyRequest): WebRequest {
  const { 'content-encoding': encoding = 'identity' } = headers;
  if (encoding !== 'identity') throw httpErrors.UNSUPPORTED_MEDIA_TYPE({ expected: 'the body without content-encoding', got: encoding });
  return create(WebRequestSchema, { method, target: url, headers: headersOf(headers), body: (body as Buffer | undefined) ?? new Uint8Array() });
}

/** Those of HTTP/2 that begin with a colon are no headers; `:authority` is its `host`. */
function headersOf(headers: FastifyRequest['headers']): Pick<WebHeader, 'name' | 'value'>[] {
  const { ':authority': authority, ...rest } = headers as Record<string, string | string[] | undefined>;
  const host = typeof authority === 'string' && rest.host === undefined ? [{ name: 'host', value: authority }] : [];
  return [...host, ...Object.entries(rest).flatMap(([name, value]) => (name.startsWith(':') || value === undefined ? [] : [value].flat().map((one) => ({ name, value: one }))))];
}

/** Answers with what the method said. */
export function sendWeb(reply: FastifyReply, { status, headers, body }: WebResponse): FastifyReply {
  for (const [name, values] of Map.groupBy(headers, ({ name }) => name)) reply.header(name, values.length > 1 ? values.map(({ value }) => value) : values[0]!.value);
  return reply.code(status).send(body.length > 0 ? Buffer.from(body.buffer, body.byteOffset, body.byteLength) : undefined);
}
