import { cors } from '@connectrpc/connect';
import type { OutsideRequest } from '@mainstay/kernel';
import type { Origins } from './origins.ts';

const methods = [...new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', ...cors.allowedMethods])].join(', ');
const allowed = [...new Set([...cors.allowedHeaders.map((name) => name.toLowerCase()), 'accept', 'authorization', 'content-digest', 'content-type', 'idempotency-key', 'if-match', 'if-none-match', 'if-range', 'mainstay-org', 'range', 'traceparent', 'tracestate', 'x-request-id'])].join(', ');
const exposed = [...new Set([...cors.exposedHeaders.map((name) => name.toLowerCase()), 'accept-ranges', 'content-digest', 'content-disposition', 'content-range', 'etag', 'location', 'ratelimit', 'ratelimit-policy', 'retry-after', 'x-request-id'])].join(', ');
/** Browsers keep the answer to a preflight so long, in seconds; none keeps it longer. */
const keptSeconds = '7200';

/** Tells a browser what a page of another origin may do here (the CORS protocol of the Fetch standard). `true`: the request was but the question. */
export function answerCors({ method, headers, setHeader }: OutsideRequest, origins: Origins, credentials: boolean): boolean {
  if (origins.none) return false;
  setHeader('vary', 'origin');
  const { origin } = headers;
  if (origin === undefined || !origins.has(origin)) return false;
  setHeader('access-control-allow-origin', origin);
  if (credentials) setHeader('access-control-allow-credentials', 'true');
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) {
    setHeader('access-control-expose-headers', exposed);
    return false;
  }
  setHeader('access-control-allow-methods', methods);
  setHeader('access-control-allow-headers', allowed);
  setHeader('access-control-max-age', keptSeconds);
  return true;
}
