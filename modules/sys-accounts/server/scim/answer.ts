import type { WebRequest } from '@mainstay/kernel/contract/mainstay/web_pb.js';
import type { Json } from './attribute.ts';
import { readBody } from './read-resource.ts';
import { namesIn } from './projection.ts';
import { scimErrors } from './scim-errors.ts';

const listSchema = 'urn:ietf:params:scim:api:messages:2.0:ListResponse';
const searchSchema = 'urn:ietf:params:scim:api:messages:2.0:SearchRequest';

/** What an answer is made of. */
export interface Answer {
  status: number;
  headers: { name: string; value: string }[];
  body: Uint8Array;
}

/** Answers with a resource or a message of SCIM. */
export const answer = (status: number, body: Json, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: Object.entries({ 'content-type': 'application/scim+json', 'cache-control': 'no-store', ...headers }).map(([name, value]) => ({ name, value })),
  body: Buffer.from(JSON.stringify(body)),
});

/** Answers that it is done, and with nothing else. */
export const done = (headers: Record<string, string> = {}): Answer => ({ status: 204, headers: Object.entries(headers).map(([name, value]) => ({ name, value })), body: new Uint8Array() });

/** Answers with a resource and its version. `whole` is the resource with all that it has. */
export function answerResource(status: number, whole: Json, project: (resource: Json) => Json): Answer {
  const { version, location } = whole.meta as { version: string; location: string };
  return answer(status, project(whole), { etag: version, ...(status === 201 ? { location } : { 'content-location': location }) });
}

/** Answers with a page of a list (RFC 7644 §3.4.2). */
export const answerList = (resources: readonly Json[], total: number, startIndex: number): Answer =>
  answer(200, { schemas: [listSchema], totalResults: total, startIndex, itemsPerPage: resources.length, Resources: resources });

/** What stands behind the `?` of a request. */
export const queryOf = ({ target }: WebRequest): URLSearchParams => new URL(`http://localhost${target}`).searchParams;

/** The last segment of the path of a request. */
export function lastSegment({ target }: WebRequest): string {
  try {
    return decodeURIComponent(new URL(`http://localhost${target}`).pathname.split('/').at(-1)!);
  } catch {
    return '';
  }
}

/** The value of a header; it is there once. */
export const headerOf = ({ headers }: WebRequest, name: string): string | undefined => headers.find((header) => header.name === name)?.value;

/** The body of a search. */
export const searchBody = ({ body }: WebRequest): Json => readBody(body, searchSchema);

/** The names in a query, or in an array of a body. */
export function namesOf(given: unknown): string[] {
  if (given === undefined || given === null) return [];
  if (typeof given === 'string') return namesIn(given);
  if (Array.isArray(given) && given.every((name) => typeof name === 'string')) return given;
  throw scimErrors.invalidValue('attributes and excludedAttributes are lists of names');
}

/** Refuses a body that is said to be something else. */
export function requireJson(request: WebRequest): void {
  const type = headerOf(request, 'content-type') ?? 'application/scim+json';
  if (!/^application\/(scim\+)?json\s*(;|$)/i.test(type)) throw scimErrors.invalidSyntax('send application/scim+json');
}

