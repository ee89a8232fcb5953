import { withViolations } from '@mainstay/kernel';
import { errors } from '../errors.ts';

interface PageRequest {
  pageSize: number;
  pageToken: string;
}

/**
 * Reads one page of a list (AIP-158). `read` gives at most `limit` rows that come after the row with the key
 * `after`; a token is the key of the last row of its page. Throws `PAGE_TOKEN_INVALID`.
 */
export async function readPage<R>({ pageSize, pageToken }: PageRequest, keyOf: (row: R) => string, read: (after: string | undefined, limit: number) => Promise<R[]>): Promise<{ rows: R[]; nextPageToken: string }> {
  const size = pageSize || 50;
  const found = await read(pageToken ? decode(pageToken) : undefined, size + 1);
  const rows = found.slice(0, size);
  return { rows, nextPageToken: found.length > size ? encode(keyOf(rows.at(-1)!)) : '' };
}

/** Reads a page of rows that are ordered by id, newest first (ids are UUIDs of version 7). */
export const readPageById = <R extends { id: string }>(request: PageRequest, read: (before: string, limit: number) => Promise<R[]>) =>
  readPage<R>(request, ({ id }) => id, (after, limit) => read(after === undefined ? lastId : uuid(after), limit));

const lastId = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

const encode = (key: string): string => Buffer.from(`k${key}`).toString('base64url');

function decode(token: string): string {
  const text = Buffer.from(token, 'base64url').toString();
  // PostgreSQL takes no NUL in a text.
  if (!text.startsWith('k') || text.includes('\0') || encode(text.slice(1)) !== token) throw invalid();
  return text.slice(1);
}

function uuid(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) throw invalid();
  return text;
}

const invalid = () => withViolations(errors.PAGE_TOKEN_INVALID(), [{ field: 'page_token', description: 'must be the next_page_token of the page before', reason: 'page_token' }]);
