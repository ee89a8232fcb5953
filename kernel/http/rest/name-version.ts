import type { DescMessage, DescMethod, Message } from '@bufbuild/protobuf';
import type { FastifyReply, FastifyRequest } from 'fastify';

const withEtag = new WeakMap<DescMessage, boolean>();

/**
 * Gives an answer that has a field `etag` the header `ETag` (AIP-154), and says whether the client holds that version
 * already, as its `If-None-Match` tells (RFC 9110 §13.1.2): then 304 is enough.
 */
export function nameVersion({ method: verb, headers }: FastifyRequest, reply: FastifyReply, { output }: DescMethod, message: Message): boolean {
  if (!hasEtag(output)) return false;
  const { etag } = message as Message & { etag: string };
  if (etag === '') return false;
  reply.header('etag', etag);
  const known = verb === 'GET' || verb === 'HEAD' ? headers['if-none-match'] : undefined;
  return known !== undefined && (known.trim() === '*' || known.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag));
}

function hasEtag(schema: DescMessage): boolean {
  let has = withEtag.get(schema);
  if (has === undefined) withEtag.set(schema, (has = schema.fields.some(({ localName, scalar, fieldKind }) => localName === 'etag' && fieldKind === 'scalar' && scalar === 9)));
  return has;
}
