import type { HandlerContext } from '@connectrpc/connect';
import { create as contentDisposition } from 'content-disposition';
import type { ByteRange } from '../../files/file-storage.ts';
import { httpErrors } from '../http-errors.ts';

/** What a method offers that answers with a stream of `google.api.HttpBody`. */
export interface OfferedContent {
  /** All of it, in bytes. */
  size: number;
  /** Another for every other content, such as its hash. */
  tag: string;
  modified: Date;
  /** What a browser calls it when it saves it. */
  name: string;
  /** A browser may show it in place. Only for types that cannot run. */
  inline: boolean;
}

/** Tells REST which status a content is answered with, and how many bytes come: 200, 206 or 304. Other wires pass them on as they are. */
export const contentStatus = 'mainstay-content-status';
export const contentLength = 'mainstay-content-length';

/**
 * Says what the caller gets of a content, and sets the headers of the answer: a part if one range is asked for
 * (RFC 9110 §14), nothing if the caller has it already (§13). Throws `kernel.RANGE_NOT_SATISFIABLE`.
 */
export function offerContent({ requestHeader, responseHeader }: Pick<HandlerContext, 'requestHeader' | 'responseHeader'>, offered: OfferedContent): ByteRange | undefined {
  const { size, tag, modified, name, inline } = offered;
  const etag = `"${tag}"`;
  const set = (header: Record<string, string>) => Object.entries(header).forEach(([key, value]) => responseHeader.set(key, value));
  set({ etag, 'last-modified': modified.toUTCString(), 'cache-control': 'private, no-cache', 'accept-ranges': 'bytes' });
  if (names(requestHeader.get('if-none-match'), etag)) {
    set({ [contentStatus]: '304' });
    return undefined;
  }
  const wanted = rangeIn(requestHeader, etag, size);
  const part = wanted ?? { start: 0, length: size };
  set({
    'content-disposition': contentDisposition(name, { type: inline ? 'inline' : 'attachment', fallback: name.replace(/[^ -~]/g, '_') }),
    // Whatever it is: it may neither run nor load anything.
    'content-security-policy': "sandbox; default-src 'none'; frame-ancestors 'none'",
    [contentLength]: String(part.length),
    [contentStatus]: wanted ? '206' : '200',
    ...(wanted && { 'content-range': `bytes ${part.start}-${part.start + part.length - 1}/${size}` }),
  });
  return part;
}

/** The error for a content that grows beyond what is allowed, in bytes. */
export const contentTooLarge = (limit: number) => httpErrors.BODY_TOO_LARGE({ limit });

const names = (header: string | null, etag: string): boolean =>
  header !== null && (header.trim() === '*' || header.split(',').some((each) => each.trim().replace(/^W\//, '') === etag));

/** One range; several, or one that is not well formed, are answered with the whole. */
function rangeIn(header: Headers, etag: string, size: number): ByteRange | undefined {
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(header.get('range')?.replaceAll(' ', '') ?? '') ?? [];
  const onlyIf = header.get('if-range');
  if (from === undefined || to === undefined || from + to === '' || (onlyIf !== null && onlyIf !== etag)) return undefined;
  if (from !== '' && to !== '' && Number(from) > Number(to)) return undefined;
  const start = from === '' ? Math.max(0, size - Number(to)) : Number(from);
  const end = from === '' || to === '' ? size : Math.min(Number(to) + 1, size);
  if (start >= end) throw unsatisfiable(size);
  return { start, length: end - start };
}

function unsatisfiable(size: number) {
  const error = httpErrors.RANGE_NOT_SATISFIABLE({ size });
  error.metadata.set('content-range', `bytes */${size}`);
  return error;
}
