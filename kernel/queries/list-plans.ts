import type { Kysely, SelectQueryBuilder } from 'kysely';
import { isGathered, isUsual, pageOf, type Order } from '../data/paginate.ts';
import { prepared, type Prepared } from '../data/prepared.ts';

/** A list that is asked in the same way again and again: its queries are built once for each `key`. */
export interface ListPlan<V, DB, TB extends keyof DB, R> {
  /** Names everything that the queries depend on but `values`. */
  key: string;
  values: V;
  /** Makes the queries, with a parameter in the place of each value. */
  build: (q: Kysely<any>, values: V) => readonly SelectQueryBuilder<DB, TB, R>[];
}

const most = 500;
const plans = new Map<string, Prepared<any, any>>();

/** Reads the rows of one page by a plan. */
export function readPlanned<V, DB, TB extends keyof DB, R extends object>(q: Kysely<any>, list: string, { key, values, build }: ListPlan<V, DB, TB, R>, orderBy: readonly Order[], order: string, size: number, cursor?: readonly unknown[]): Promise<any[]> {
  // Whether a value of the cursor is null changes the query, and so does a usual size.
  const usual = isUsual(size) ? size : undefined;
  const name = JSON.stringify([list, key, order, usual, cursor?.map((value) => value === null), isGathered()]);
  let plan = plans.get(name);
  if (!plan) {
    plan = prepared<any>()((compiler, p: any) => pageOf(compiler, build(compiler, p), orderBy, usual ?? p.pageSize, cursor?.map((value, at) => (value === null ? null : p[`cursor${at}`]))));
    if (plans.size < most) plans.set(name, plan);
  }
  return plan.all(q, { ...values, pageSize: size, ...Object.fromEntries((cursor ?? []).map((value, at) => [`cursor${at}`, value])) });
}
