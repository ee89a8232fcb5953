import { sql, type Kysely, type SelectQueryBuilder } from 'kysely';
import type pg from 'pg';
import { sagasTable } from '../sagas/saga-table.ts';
import type { SagaReport, SagaStepReport } from '../module/operations.ts';
import { readList, type ListOptions, type ListPage, type ListRequest } from '../queries/read-list.ts';
import type { StepRow } from '../sagas/saga-row.ts';
import { redactText } from '../telemetry/redact-text.ts';
import { readerOf } from './dead-letters.ts';

/** A saga as its table has it. */
export interface SagaRow {
  id: string;
  module: string;
  saga: string;
  org_id: string | null;
  state: SagaReport['state'];
  step: string;
  steps: StepRow[];
  attempts: number;
  error: string;
  is_cancelled: boolean;
  started_at: Date;
  changed_at: Date;
  ended_at: Date | null;
  wake_at: Date | null;
  deadline: Date | null;
}

/** A page of the sagas of all modules, here and in other databases, as a list's request says. */
export async function readSagas(pool: pg.Pool, request: ListRequest, options: ListOptions, elsewhere: readonly SagaRow[] = []): Promise<ListPage<SagaReport>> {
  const q = readerOf(pool);
  const selects = [...(await modulesWithSagas(pool)).map((module) => sagasOf(q, module)), ...(elsewhere.length > 0 ? [sagasFrom(q, elsewhere)] : [])];
  if (selects.length === 0) return { rows: [], nextPageToken: '', totalSize: 0 };
  const { rows, ...page } = await readList(q, selects, request, options);
  return { rows: rows.map(reportOf), ...page };
}

/** Those that were started last, for the process that lists them with its own; at most `most`. */
export async function sagasForOthers(pool: pg.Pool, most: number): Promise<SagaRow[]> {
  const q = readerOf(pool);
  const found = await Promise.all((await modulesWithSagas(pool)).map((module) => sagasOf(q, module).orderBy('started_at', 'desc').limit(most).execute()));
  // What a step was given or gave does not leave its database.
  return found.flat().slice(0, most).map((row) => ({ ...row, steps: row.steps.map(({ name, state, attempts, error, time }) => ({ name, state, attempts, error, time }) as StepRow) }));
}

/** A saga of any module; undefined if there is none of this id. */
export async function readSaga(pool: pg.Pool, id: string): Promise<SagaReport | undefined> {
  const q = readerOf(pool);
  for (const module of await modulesWithSagas(pool)) {
    const row = await sagasOf(q, module).where('id', '=', id).executeTakeFirst();
    if (row) return reportOf(row);
  }
  return undefined;
}

/** Stops a saga before its next step, and undoes the done ones. Returns whether there is one of this id that goes on. */
export const cancelSaga = (pool: pg.Pool, id: string): Promise<boolean> => wake(pool, id, `set is_cancelled = true where id = $1 and state in ('RUNNING', 'WAITING')`);

/** Tries a saga again at once that failed, with all its tries. Returns whether there is one of this id that failed. */
export const retrySaga = (pool: pg.Pool, id: string): Promise<boolean> => wake(pool, id, `set attempts = 0 where id = $1 and (state = 'STUCK' or (attempts > 0 and ended_at is null))`);

async function modulesWithSagas(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ module: string }>(`select module from mainstay.modules where to_regclass(schema || '.' || schema || '_sagas') is not null order by module`);
  return rows.map(({ module }) => module);
}

const sagasOf = (q: Kysely<any>, module: string) => q.selectFrom(sql`(
  select id, ${sql.lit(module)}::text as module, name as saga, org as org_id, state, step, steps, attempts, error, is_cancelled, started_at, changed_at, ended_at, wake_at, deadline
    from ${sql.raw(sagasTable(module))})`.as('sagas')).selectAll().$castTo<SagaRow>() as SelectQueryBuilder<any, any, SagaRow>;

const sagasFrom = (q: Kysely<any>, rows: readonly SagaRow[]) => q.selectFrom(sql`(
  select * from json_to_recordset(${JSON.stringify(rows)}::json) as (id uuid, module text, saga text, org_id uuid, state text, step text, steps jsonb, attempts int, error text, is_cancelled boolean,
    started_at timestamptz, changed_at timestamptz, ended_at timestamptz, wake_at timestamptz, deadline timestamptz))`.as('sagas')).selectAll().$castTo<SagaRow>() as SelectQueryBuilder<any, any, SagaRow>;

// What a step was given or gave is its module's own.
function reportOf({ org_id: orgId, steps, error, is_cancelled: isCancelled, ...row }: SagaRow): SagaReport {
  const { started_at, changed_at, ended_at, wake_at, deadline, ...rest } = row;
  const text = (time: Date | null) => time?.toISOString();
  return {
    ...rest,
    orgId: orgId ?? undefined,
    // What a step said of its failure could name a person or hold a secret.
    error: redactText(error),
    isCancelled,
    steps: steps.map(({ name, state, attempts, error: failure, time }): SagaStepReport => ({ name, state, attempts, error: redactText(failure ?? ''), time })),
    startedAt: started_at.toISOString(),
    changedAt: changed_at.toISOString(),
    endedAt: text(ended_at),
    wakeAt: text(wake_at),
    deadline: text(deadline),
  };
}

/** Changes a saga and lets its job run now; a job that is taken runs anyway, and one that is gone is queued again. */
async function wake(pool: pg.Pool, id: string, change: string): Promise<boolean> {
  for (const module of await modulesWithSagas(pool)) {
    const { rows } = await pool.query(`
      with changed as (
        update ${sagasTable(module)} ${change} returning id, org as org_id, name, turn, step
      ), jobs as (
        select jobs.id, jobs.locked_at from changed join graphile_worker._private_tasks as tasks on tasks.identifier = $2 || '/saga:' || changed.name
          join graphile_worker._private_jobs as jobs on jobs.task_id = tasks.id and jobs.payload #>> '{payload,saga}' = changed.id::text and (jobs.payload #>> '{payload,turn}')::int = changed.turn
      ), woken as (
        update graphile_worker._private_jobs as queued set run_at = now(), attempts = case when attempts >= max_attempts then 0 else attempts end
          where id in (select id from jobs where locked_at is null) and locked_at is null returning id
      )
      select case when exists (select from woken) then pg_notify('jobs:insert', '{"count":1}')::text
                  when not exists (select from jobs) then (graphile_worker.add_job($2 || '/saga:' || name,
                    json_build_object('payload', json_build_object('saga', id, 'turn', turn, 'step', step), 'orgId', org_id, 'traceId', repeat('0', 32)))).id::text end
        from changed`, [id, module]);
    if (rows.length > 0) return true;
  }
  return false;
}
