import { sql, type CompiledQuery, type Kysely, type QueryResult } from 'kysely';
import type pg from 'pg';
import { readerBy } from '../data/driver.ts';
import { parserOf } from '../data/value-parsers.ts';
import type { DeadLetter } from '../module/operations.ts';
import { readList, type ListOptions, type ListPage, type ListRequest } from '../queries/read-list.ts';

const DEAD = 'jobs.attempts >= jobs.max_attempts and jobs.locked_at is null';

export interface Letter {
  id: number;
  module: string;
  job: string;
  attempts: number;
  error: string;
  queued_at: Date;
  failed_at: Date;
  saga: string | null;
  step: string | null;
}

/** A page of what failed for good, here and in other databases, as a list's request says. */
export async function readDeadLetters(pool: pg.Pool, request: ListRequest, options: ListOptions, elsewhere: readonly Letter[] = [], ids: Numbering = ownIds): Promise<ListPage<DeadLetter>> {
  const q = readerOf(pool);
  const { rows, ...page } = await readList(q, [lettersIn(q, ids), ...(elsewhere.length > 0 ? [lettersOf(q, elsewhere)] : [])], request, options);
  return { rows: rows.map(deadLetter), ...page };
}

/** Those that failed last, for the process that lists them with its own; at most `most`. */
export const lettersForOthers = (pool: pg.Pool, ids: Numbering, most: number): Promise<Letter[]> => lettersIn(readerOf(pool), ids).orderBy('id', 'desc').limit(most).execute();

/** Tells the ids of several databases apart: each is multiplied by how many there are, and the number of its database added. */
export interface Numbering {
  databases: number;
  number: number;
}

const ownIds: Numbering = { databases: 1, number: 0 };

/** What failed for good and was queued last; at most `limit`. */
export async function listDeadLetters(pool: pg.Pool, limit = 100): Promise<DeadLetter[]> {
  return (await lettersIn(readerOf(pool)).orderBy('id', 'desc').limit(limit).execute()).map(deadLetter);
}

// The queue does not keep when a job failed, only when its next try would have been.
const lettersIn = (q: Kysely<any>, { databases, number }: Numbering = ownIds) => q.selectFrom(sql`(
  select jobs.id * ${sql.lit(databases)} + ${sql.lit(number)} as id, split_part(tasks.identifier, '/', 1) as module, substr(tasks.identifier, strpos(tasks.identifier, '/') + 1) as job,
         jobs.attempts, coalesce(jobs.last_error, '') as error, jobs.created_at as queued_at, jobs.run_at - exp(least(jobs.attempts, 10)) * interval '1 second' as failed_at,
         jobs.payload #>> '{payload,saga}' as saga, jobs.payload #>> '{payload,step}' as step
    from graphile_worker._private_jobs as jobs join graphile_worker._private_tasks as tasks on tasks.id = jobs.task_id
    where ${sql.raw(DEAD)})`.as('letters')).selectAll().$castTo<Letter>();

const lettersOf = (q: Kysely<any>, letters: readonly Letter[]) => q.selectFrom(sql`(
  select * from json_to_recordset(${JSON.stringify(letters)}::json) as (id bigint, module text, job text, attempts smallint, error text, queued_at timestamptz, failed_at timestamptz, saga text, step text))`.as('letters')).selectAll().$castTo<Letter>();

const deadLetter = ({ id, queued_at: queuedAt, failed_at: failedAt, saga, step, ...letter }: Letter): DeadLetter =>
  ({ ...letter, id: String(id), queuedAt, failedAt, ...(letter.job.startsWith('saga:') && saga !== null && { sagaId: saga, step: step ?? '' }) });

const types = { getTypeParser: parserOf } as unknown as pg.CustomTypesConfig;

/** Reads through the queue's connections. */
export const readerOf = (pool: pg.Pool): Kysely<any> =>
  readerBy(async <R>({ sql: text, parameters }: CompiledQuery): Promise<QueryResult<R>> => ({ rows: (await pool.query({ text, values: [...parameters], types })).rows as R[] }));

/** Runs a dead letter again, with all its attempts. Returns whether there was one of this id. */
export async function retryDeadLetter(pool: pg.Pool, id: string): Promise<boolean> {
  const { rowCount } = await pool.query(`
    with revived as (
      update graphile_worker._private_jobs as jobs set attempts = 0, run_at = now(), last_error = null where id = $1::bigint and ${DEAD} returning id
    ) select pg_notify('jobs:insert', '{"count":1}') from revived`, [id]);
  return rowCount === 1;
}

/** Makes a dead letter of a job that runs, when it fails now. */
export const endTries = (pool: pg.Pool, id: string): Promise<unknown> => pool.query('update graphile_worker._private_jobs as jobs set max_attempts = greatest(attempts, 1) where id = $1::bigint', [id]);

/** Removes a dead letter. Returns whether there was one of this id. */
export async function discardDeadLetter(pool: pg.Pool, id: string): Promise<boolean> {
  const { rowCount } = await pool.query(`delete from graphile_worker._private_jobs as jobs where id = $1::bigint and ${DEAD}`, [id]);
  return rowCount === 1;
}
