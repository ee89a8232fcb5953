import { sql, type Kysely, type RawBuilder, type SelectQueryBuilder } from 'kysely';
import { currentCallIfAny } from '../guard/call.ts';
import type { Gathering } from '../shards/gathering.ts';
import { decodePageToken, encodePageToken } from './page-token.ts';

const DEFAULT_SIZE = 50;
const LARGEST_SIZE = 1000;

/**
 * A column that a list is ordered by, or an expression. Together they must tell every row apart: end with the id. A column
 * that may be null says so; its nulls come last, or first if the order descends, as an index has them.
 */
export type Order = readonly [column: string | RawBuilder<unknown>, direction: 'asc' | 'desc', nullable?: boolean];

export interface PageOptions {
  /** The deployment's secret. */
  secret: string;
  /** The list's own name, such as the full name of its method. */
  list: string;
  /** What the caller asked for, without page size and token: a token is good for the same question only. */
  query: unknown;
  /** As the caller gave it; 0 or absent means 50, and more than 1000 means 1000. */
  pageSize?: number;
  pageToken?: string;
  orderBy: readonly Order[];
}

export interface Page<R> {
  rows: R[];
  /** Absent after the last page, as an empty string. */
  nextPageToken: string;
}

type Select<DB, TB extends keyof DB, R> = SelectQueryBuilder<DB, TB, R>;
type Found<R> = R & { page_cursor: string };

/**
 * Reads one page of a list by its position, not by counting: as fast on the last page as on the first, and no row
 * twice or missed while others come and go. Throws `kernel.BAD_PAGE_TOKEN`.
 */
export function paginate<DB, TB extends keyof DB, R extends object>(select: Select<DB, TB, R>, options: PageOptions): Promise<Page<R>> {
  return readPage(options, (size, cursor) => partOf(select, options.orderBy, size, cursor).execute());
}

/**
 * Reads one page of several queries as one list. No row may be in two of them; each has an index for the order, which
 * a query that joins them with OR could not use.
 */
export function paginateAll<DB, TB extends keyof DB, R extends object>(db: Kysely<any>, selects: readonly Select<DB, TB, R>[], options: PageOptions): Promise<Page<R>> {
  const { orderBy } = options;
  return readPage(options, (size, cursor) => pageOf(db, selects, orderBy, size, cursor).execute());
}

/**
 * Page sizes that stand in the text of a query. PostgreSQL takes a limit that it does not know for a tenth of the rows,
 * finds such a plan dear, and plans anew each time, which takes longer than reading twenty rows.
 */
const usualSizes: ReadonlySet<number> = new Set([10, 20, 25, DEFAULT_SIZE, 100]);

/** Whether a query that reads so many rows, one of them to see whether there are more, has the number in its text. */
export const isUsual = (size: number): boolean => usualSizes.has(size - 1);

const limitOf = (size: number): RawBuilder<number> => (isUsual(size) ? sql.lit(size) : sql`${size}`);

/** The query of one page: at most `size` rows behind the cursor. Whether a value of the cursor is null is part of the query, the values are parameters. */
export function pageOf<DB, TB extends keyof DB, R extends object>(db: Kysely<any>, selects: readonly Select<DB, TB, R>[], orderBy: readonly Order[], size: number, cursor?: readonly unknown[]): Select<DB, TB, Found<R>> {
  if (selects.length === 1) return partOf(selects[0]!, orderBy, size, cursor);
  const keys = orderBy.map(([column], at) => expression(column).as(orderKey(at)));
  const parts = selects.map((select, at) => db.selectFrom(partOf(select, orderBy, size, cursor).select(keys).as(`part_${at}`)).selectAll());
  const all = db.selectFrom(parts.reduce((one, other) => one.unionAll(other)).as('every')).selectAll();
  return orderBy.reduce((made, [, direction], at) => made.orderBy(orderKey(at), direction), all).limit(limitOf(size)) as unknown as Select<DB, TB, Found<R>>;
}

const orderKey = (at: number): string => `page_order_${at}`;

/** Reads a page by a query that was made of `pageOf`. Its rows keep the columns that the page was found by: to copy each would cost more than to read it. */
export async function readPage<R extends object>({ secret, list, query, pageSize, pageToken, orderBy }: PageOptions, read: (size: number, cursor?: readonly unknown[]) => Promise<Found<R>[]>): Promise<Page<R>> {
  const size = Math.min(pageSize || DEFAULT_SIZE, LARGEST_SIZE);
  const gathering = currentCallIfAny()?.gathering;
  if (gathering) return readPart(gathering, orderBy, size, read);
  const position = { list, query: [query, orderBy.map(([column, direction]) => [typeof column === 'string' ? column : '', direction])] };
  const found = await read(size + 1, pageToken ? decodePageToken(secret, pageToken, position) : undefined);
  const rows = found.slice(0, size);
  const nextPageToken = found.length > size ? encodePageToken(secret, { ...position, cursor: JSON.parse(rows.at(-1)!.page_cursor) as unknown[] }) : '';
  return { rows, nextPageToken };
}

/** A page for somebody who merges it with those of other shards: placed by a cursor, which it is told of each row. */
async function readPart<R extends object>(gathering: Gathering, orderBy: readonly Order[], size: number, read: (size: number, cursor?: readonly unknown[]) => Promise<Found<R>[]>): Promise<Page<R>> {
  const found = await read(size + 1, gathering.after);
  const rows = found.slice(0, size);
  const types = rows[0] ? (JSON.parse((rows[0] as unknown as { page_types: string }).page_types) as string[]) : [];
  gathering.found(rows[0] ? orderBy.map(([, direction], at) => [types[at]!, direction]) : [], rows.map((row) => JSON.parse(row.page_cursor) as string[]), found.length > size);
  return { rows, nextPageToken: '' };
}

/** Whether the page that is read is merged with those of other shards: its query gives the types of its order too. */
export const isGathered = (): boolean => currentCallIfAny()?.gathering !== undefined;

function partOf<DB, TB extends keyof DB, R extends object>(select: Select<DB, TB, R>, orderBy: readonly Order[], limit: number, cursor?: readonly unknown[]): Select<DB, TB, Found<R>> {
  const ordered = orderBy.reduce((made, [column, direction]) => made.orderBy(expression(column), direction), cursor ? select.where(after(orderBy, cursor)) : select);
  // Times have more digits in the database than a Date has, so the cursor is made of the database's own text.
  // As one text, since only that of the last row is read.
  const texts = sql<string>`json_build_array(${sql.join(orderBy.map(([column]) => sql`${expression(column)}::text`))})::text`.as('page_cursor');
  const types = isGathered() ? [sql<string>`json_build_array(${sql.join(orderBy.map(([column]) => sql`pg_typeof(${expression(column)})::text`))})::text`.as('page_types')] : [];
  return ordered.select([texts, ...types]).limit(limitOf(limit)) as unknown as Select<DB, TB, Found<R>>;
}

function after(orderBy: readonly Order[], cursor: readonly unknown[]): RawBuilder<boolean> {
  const columns = orderBy.map(([column]) => expression(column));
  const [, first] = orderBy[0]!;
  // One comparison of rows can use an index on the columns; mixed directions and nulls can't be compared as a row.
  if (orderBy.every(([, direction, nullable]) => direction === first && !nullable)) {
    return sql<boolean>`(${sql.join(columns)}) ${sql.raw(first === 'asc' ? '>' : '<')} (${sql.join(cursor)})`;
  }
  const later = orderBy.map((order, index) => {
    const same = columns.slice(0, index).map((column, at) => (cursor[at] === null ? sql`${column} is null` : sql`${column} = ${cursor[at]}`));
    return sql`(${sql.join([...same, beyond(order, cursor[index])], sql` and `)})`;
  });
  return sql<boolean>`(${sql.join([reachable(orderBy[0]!, cursor[0]), sql`(${sql.join(later, sql` or `)})`], sql` and `)})`;
}

function beyond([column, direction, nullable]: Order, value: unknown): RawBuilder<unknown> {
  const target = expression(column);
  if (value === null) return direction === 'asc' ? sql`false` : sql`${target} is not null`;
  if (direction === 'desc') return sql`${target} < ${value}`;
  return nullable ? sql`(${target} > ${value} or ${target} is null)` : sql`${target} > ${value}`;
}

/** What an index can use of the position, beside the conditions that name it exactly. */
function reachable([column, direction, nullable]: Order, value: unknown): RawBuilder<unknown> {
  if (value === null || (direction === 'asc' && nullable)) return sql`true`;
  return sql`${expression(column)} ${sql.raw(direction === 'asc' ? '>=' : '<=')} ${value}`;
}

const expression = (column: string | RawBuilder<unknown>): RawBuilder<unknown> => (typeof column === 'string' ? sql.ref(column) : column);
