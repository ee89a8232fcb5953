import { createHash } from 'node:crypto';
import { CompiledQuery, type QueryResult } from 'kysely';
import { schemaOf } from '../data/names.ts';
import { newId } from '../data/new-id.ts';
import type { SagaDeclaration } from './saga.ts';
import type { SagaState, StepState } from './saga-states.ts';

/** A step of a saga that was started, as its row keeps it. */
export interface StepRow {
  name: string;
  state: StepState;
  /** Tries that failed, of the step or of its undoing, whichever was tried last. */
  attempts: number;
  result?: unknown;
  error?: string;
  /** A try of it may have called commands of other services before it failed. */
  reached?: boolean;
  /** When it got into its state, RFC 3339. */
  time?: string;
}

/** A saga, as its row keeps it. */
export interface SagaRow {
  id: string;
  name: string;
  state: SagaState;
  turn: number;
  step: string;
  input: unknown;
  steps: StepRow[];
  attempts: number;
  error: string;
  awaits: string | null;
  wake_at: Date | null;
  is_cancelled: boolean;
  deadline: Date | null;
  is_late: boolean;
}

export type Run = <R>(query: CompiledQuery) => Promise<QueryResult<R>>;

/** The statement that keeps a new saga, and its id. With a `key` that a saga of this name and org had before, it is that one's, and nothing is kept. */
export function insertSaga(module: string, saga: SagaDeclaration<never>, given: unknown, { key, orgId }: { key?: string; orgId?: string }): { id: string; insert: CompiledQuery } {
  // What a step gets comes from JSON: it must hold there as well.
  const input = JSON.parse(JSON.stringify(given ?? null)) as unknown;
  const checked = saga.input.safeParse(input);
  if (!checked.success) throw new Error(`the saga ${saga.name} can not be started with this: ${checked.error.issues.map(({ path, message }) => `${path.join('.') || 'input'}: ${message}`).join('; ')}`);
  const id = key === undefined ? newId() : idOf([module, saga.name, orgId ?? '', key]);
  const steps = saga.steps.map(({ name }): StepRow => ({ name, state: 'PENDING', attempts: 0 }));
  const insert = CompiledQuery.raw(`insert into ${schemaOf(module)}_sagas (id, org, name, key, step, input, steps, deadline) values ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() + $8::float8 * interval '1 second') on conflict (id) do nothing`,
    [id, orgId ?? null, saga.name, key ?? null, steps[0]!.name, JSON.stringify(input), JSON.stringify(steps), saga.deadlineSeconds ?? null]);
  return { id, insert };
}

/** A UUID (version 8) made of names. */
function idOf(names: readonly string[]): string {
  const bytes = createHash('sha256').update(JSON.stringify(names)).digest().subarray(0, 16);
  bytes[6] = 0x80 | (bytes[6]! & 0x0f);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Reads a saga and keeps others from working on it until the transaction ends; they may still mark it as cancelled. */
export async function takeSaga(run: Run, module: string, id: string): Promise<SagaRow | undefined> {
  await run(CompiledQuery.raw(`select pg_advisory_xact_lock(${LOCK_CLASS}, hashtext($1))`, [id]));
  const { rows } = await run<SagaRow>(CompiledQuery.raw(`select id, name, state, turn, step, input, steps, attempts, error, awaits, wake_at, is_cancelled, deadline, coalesce(deadline < clock_timestamp(), false) as is_late from ${schemaOf(module)}_sagas where id = $1`, [id]));
  return rows[0];
}

const LOCK_CLASS = 0x73616761;

/** Somebody else has changed the saga meanwhile. */
export class SagaMoved extends Error {
  override name = 'SagaMoved';
}

/** Keeps what became of a saga since turn `turn`, and tells whether an operator has cancelled it meanwhile. Throws `SagaMoved`. */
export async function saveSaga(run: Run, module: string, row: SagaRow, turn: number, isOver: boolean): Promise<boolean> {
  const { rows } = await run<{ is_cancelled: boolean }>(CompiledQuery.raw(`
    update ${schemaOf(module)}_sagas set state = $3, turn = $4, step = $5, steps = $6, attempts = $7, error = $8, awaits = $9, wake_at = $10, changed_at = clock_timestamp(), ended_at = case when $11 then clock_timestamp() end
      where id = $1 and turn = $2 returning is_cancelled`, [row.id, turn, row.state, row.turn, row.step, JSON.stringify(row.steps), row.attempts, row.error, row.awaits, row.wake_at, isOver]));
  if (rows.length === 0) throw new SagaMoved(`saga ${row.id} has moved on`);
  return rows[0]!.is_cancelled;
}
