import { sql, type SelectQueryBuilder } from 'kysely';
import { decodePageToken, encodePageToken } from './page-token.ts';

const DEFAULT_SIZE = 50;
const LARGEST_SIZE = 1000;

/** A column that a list is ordered by. Together they must tell every row apart: end with the id. */
export type Order = readonly [column: string, direction: 'asc' | 'desc'];

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

/**
 * Reads one page of a list by its position, not by counting: as fast on the last page as on the first, and no row
 * twice or missed while others come and go. The query must select every column that it is ordered by, and those must
 * not be null. Throws `kernel.BAD_PAGE_TOKEN`.
 */
export async function paginate<DB, TB extends keyof DB, R extends object>(select: SelectQueryBuilder<DB, TB, R>, options: PageOptions): Promise<Page<R>> {
  const { secret, list, query, orderBy } = options;
  const size = Math.min(options.pageSize || DEFAULT_SIZE, LARGEST_SIZE);
  const position = { list, query: [query, orderBy] };
  const cursor = options.pageToken ? decodePageToken(secret, options.pageToken, position) : undefined;
  const ordered = orderBy.reduce((made, [column, direction]) => made.orderBy(sql.ref(column), direction), cursor ? select.where(after(orderBy, cursor)) : select);
  // Times have more digits in the database than a Date has, so the cursor is made of the database's own text.
  const texts = sql<string[]>`array[${sql.join(orderBy.map(([column]) => sql`${sql.ref(column)}::text`))}]`.as('page_cursor');
  const found = await ordered.select(texts).limit(size + 1).execute() as unknown as (R & { page_cursor: string[] })[];
  const rows = found.slice(0, size);
  const nextPageToken = found.length > size ? encodePageToken(secret, { ...position, cursor: rows.at(-1)!.page_cursor }) : '';
  return { rows: rows.map(({ page_cursor: _, ...row }) => row as unknown as R), nextPageToken };
}

function after(orderBy: readonly Order[], cursor: readonly unknown[]) {
  const columns = orderBy.map(([column]) => sql.ref(column));
  const [, first] = orderBy[0]!;
  // One comparison of rows can use an index on the columns; mixed directions can't be compared as a row.
  if (orderBy.every(([, direction]) => direction === first)) {
    return sql<boolean>`(${sql.join(columns)}) ${sql.raw(first === 'asc' ? '>' : '<')} (${sql.join(cursor)})`;
  }
  const later = orderBy.map(([, direction], index) => {
    const same = columns.slice(0, index).map((column, at) => sql`${column} = ${cursor[at]}`);
    return sql`(${sql.join([...same, sql`${columns[index]} ${sql.raw(direction === 'asc' ? '>' : '<')} ${cursor[index]}`], sql` and `)})`;
  });
  return sql<boolean>`(${sql.join(later, sql` or `)})`;
}
