import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { exactBase64url } from '../codec/exact-base64url.ts';
import { defineErrors } from '../errors/define-errors.ts';

const errors = defineErrors('kernel', {
  BAD_PAGE_TOKEN: ['InvalidArgument', 'page_token is not one this list gave out; start again without it'],
});

/** Where a list went on, and which list it was: a token is good for that one only. */
export interface PagePosition {
  /** The list's own name, such as the full name of its method. */
  list: string;
  /** Everything that chooses and orders the rows; all but the page's size and token. */
  query: unknown;
  /** The last row's values of the columns that the list is ordered by. */
  cursor: readonly unknown[];
}

const SIGNATURE_BYTES = 16;

/** The token for the page after `cursor`: signed, so that nobody can make one up. */
export function encodePageToken(secret: string, { list, query, cursor }: PagePosition): string {
  const body = Buffer.from(JSON.stringify(cursor));
  return Buffer.concat([sign(secret, list, query, body), body]).toString('base64url');
}

/** The cursor in a token. Throws `kernel.BAD_PAGE_TOKEN` for one that was changed or belongs to another list, query or org. */
export function decodePageToken(secret: string, token: string, { list, query }: Omit<PagePosition, 'cursor'>): unknown[] {
  const bytes = exactBase64url(token) ?? Buffer.alloc(0);
  const [signature, body] = [bytes.subarray(0, SIGNATURE_BYTES), bytes.subarray(SIGNATURE_BYTES)];
  const genuine = signature.length === SIGNATURE_BYTES && timingSafeEqual(signature, sign(secret, list, query, body));
  if (!genuine) throw errors.BAD_PAGE_TOKEN();
  return JSON.parse(body.toString()) as unknown[];
}

function sign(secret: string, list: string, query: unknown, body: Buffer): Buffer {
  const asked = createHash('sha256').update(stable(query)).digest('hex');
  return createHmac('sha256', secret).update(`page token\0${list}\0${asked}\0`).update(body).digest().subarray(0, SIGNATURE_BYTES);
}

/** JSON with keys in order, so that equal queries have equal text. */
function stable(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (typeof part === 'bigint') return String(part);
    if (part === null || typeof part !== 'object' || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([one], [other]) => (one < other ? -1 : 1)));
  }) ?? '';
}
