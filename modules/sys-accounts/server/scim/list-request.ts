import { sql, type RawBuilder } from 'kysely';
import type { Json, ResourceSchema } from './attribute.ts';
import { compileFilter, type Columns } from './compile-filter.ts';
import { leafOf } from './comparison.ts';
import type { Search } from './find-people.ts';
import { ignored, parseFilter, parsePath } from './parse-filter.ts';
import { scimErrors } from './scim-errors.ts';

const usualCount = 100;

/** The most resources that one answer has. */
export const mostResults = 200;

/** What a list or a search asks for, as it came. */
export interface ListRequest {
  filter?: string;
  sortBy?: string;
  sortOrder?: string;
  startIndex: number;
  count: number;
}

/** Reads what stands behind the `?` of a list (RFC 7644 §3.4.2). */
export function listRequest(query: URLSearchParams): ListRequest {
  return requestOf((name) => query.get(name) ?? undefined, (name) => wholeNumber(name, query.get(name) ?? undefined));
}

/** Reads the body of a search (RFC 7644 §3.4.3). */
export function searchRequest(body: Json): ListRequest {
  return requestOf((name) => {
    const value = body[name];
    if (value !== undefined && value !== null && typeof value !== 'string') throw scimErrors.invalidValue(`${name} is a text`);
    return value ?? undefined;
  }, (name) => wholeNumber(name, body[name] ?? undefined));
}

function requestOf(text: (name: string) => string | undefined, number: (name: string) => number | undefined): ListRequest {
  const [filter, sortBy, sortOrder] = [text('filter'), text('sortBy'), text('sortOrder')];
  if (sortOrder !== undefined && sortOrder !== 'ascending' && sortOrder !== 'descending') throw scimErrors.invalidValue('sortOrder is ascending or descending');
  return {
    ...(filter && { filter }),
    ...(sortBy && { sortBy }),
    ...(sortOrder && { sortOrder }),
    // Less than the first is the first, and less than nothing is nothing, by the standard.
    startIndex: Math.max(number('startIndex') ?? 1, 1),
    count: Math.min(Math.max(number('count') ?? usualCount, 0), mostResults),
  };
}

function wholeNumber(name: string, given: unknown): number | undefined {
  if (given === undefined) return undefined;
  const value = Number(given);
  if (!/^-?\d{1,9}$/.test(String(given)) || !Number.isSafeInteger(value)) throw scimErrors.invalidValue(`${name} is a whole number`);
  return value;
}

/** What is to be found in the database. */
export function searchOf({ filter: text, sortBy, sortOrder, startIndex, count }: ListRequest, schema: ResourceSchema, columns: Columns): Search {
  const filter = text === undefined ? undefined : parseFilter(text, schema, scimErrors.invalidFilter);
  return {
    filter,
    condition: filter && compileFilter(filter, columns),
    orderBy: sortBy === undefined ? undefined : orderOf(sortBy, sortOrder === 'descending', schema, columns),
    offset: startIndex - 1,
    limit: count,
  };
}

/** What has no value comes last, or first if the order descends. */
function orderOf(sortBy: string, descends: boolean, schema: ResourceSchema, columns: Columns): RawBuilder<unknown> {
  const path = parsePath(sortBy, schema, scimErrors.invalidPath);
  const column = path === ignored || path.filter || path.attribute.multiValued ? undefined : columns.value(path);
  if (!column || path === ignored || leafOf(path).type === 'complex') throw scimErrors.invalidPath(`nothing is sorted by ${sortBy.slice(0, 60)}; name an attribute that has one value`);
  const leaf = leafOf(path);
  const value = leaf.type !== 'string' ? column : leaf.caseExact ? sql`${column} collate "C"` : sql`lower(${column}) collate "C"`;
  return descends ? sql`${value} desc` : value;
}
