import type { Kysely, SelectQueryBuilder } from 'kysely';
import { paginateAll, readPage, type Page } from '../data/paginate.ts';
import { currentCall } from '../guard/call.ts';
import { compileFilter } from './compile-filter.ts';
import { readPlanned, type ListPlan } from './list-plans.ts';
import { parseFilter } from './parse-filter.ts';
import { parseOrder } from './parse-order.ts';
import type { QueryFields } from './query-fields.ts';

/** What the request of every list may say (AIP-132, AIP-158, AIP-160). */
export interface ListRequest {
  $typeName: string;
  pageSize?: number;
  pageToken?: string;
  filter?: string;
  orderBy?: string;
  /** Also count all that match. */
  countTotal?: boolean;
}

export interface ListOptions {
  /** The deployment's secret. */
  secret: string;
  fields: QueryFields;
  /** Such as `create_time desc`. */
  defaultOrder: string;
}

export interface ListPage<R> extends Page<R> {
  /** How many match; 0 unless it was asked for. */
  totalSize: number;
}

type Select<DB, TB extends keyof DB, R> = SelectQueryBuilder<DB, TB, R>;

/**
 * Reads a page of a list as its request says: filtered, ordered, and counted on request. `selects` is what the caller
 * may see: a query, or several that share no row. A page token is good for the same caller, org, filter and order only.
 * Throws `kernel.INVALID_FILTER`, `kernel.INVALID_ORDER`, `kernel.BAD_PAGE_TOKEN`.
 */
export async function readList<DB, TB extends keyof DB, R extends object>(db: Kysely<any>, selects: Select<DB, TB, R> | readonly Select<DB, TB, R>[], request: ListRequest, { secret, fields, defaultOrder }: ListOptions): Promise<ListPage<R>> {
  const { $typeName: list, pageSize, pageToken, countTotal, ...asked } = request;
  const orderBy = parseOrder(request.orderBy || defaultOrder, fields);
  const filter = parseFilter(request.filter ?? '');
  const condition = filter && compileFilter(filter, fields);
  const matching = [selects].flat().map((select) => (condition ? select.where(condition) : select) as Select<DB, TB, R>);
  const [page, totalSize] = await Promise.all([
    paginateAll(db, matching, { secret, list, query: [callerOfList(), asked], orderBy, pageSize, pageToken }),
    countTotal ? count(db, matching) : 0,
  ]);
  return { ...page, totalSize };
}

/**
 * The same by queries that are built once, which is most of what a short page costs. For requests that neither filter nor
 * count.
 */
export async function readPlannedList<V, DB, TB extends keyof DB, R extends object>(db: Kysely<any>, plan: ListPlan<V, DB, TB, R>, request: ListRequest, { secret, fields, defaultOrder }: ListOptions): Promise<ListPage<R>> {
  const { $typeName: list, pageSize, pageToken, countTotal: _, ...asked } = request;
  const order = request.orderBy || defaultOrder;
  const orderBy = parseOrder(order, fields);
  const options = { secret, list, query: [callerOfList(), asked], orderBy, pageSize, pageToken };
  return { ...(await readPage<R>(options, (size, cursor) => readPlanned(db, list, plan, orderBy, order, size, cursor))), totalSize: 0 };
}

async function count<DB, TB extends keyof DB>(db: Kysely<any>, selects: readonly Select<DB, TB, object>[]): Promise<number> {
  const counts = selects.map(async (select) => {
    const matching = select.clearSelect().select(({ lit }) => lit(1).as('one')).as('matching');
    const { size } = await db.selectFrom(matching).select(({ fn }) => fn.countAll<number>().as('size')).executeTakeFirstOrThrow();
    return size as number;
  });
  return (await Promise.all(counts)).reduce((sum, one) => sum + one, 0);
}

function callerOfList() {
  const { principal, acrossOrgs } = currentCall();
  return { ...principal, sessionId: undefined, roles: undefined, acrossOrgs };
}
