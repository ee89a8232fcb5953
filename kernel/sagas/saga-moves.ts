import type { SagaDeclaration, SagaStep, StepFacts, WorkStep } from './saga.ts';
import type { SagaRow } from './saga-row.ts';
import { moved } from './saga-states.ts';

/** A saga stands at a step that the module does not declare any more. */
export class UnknownStep extends Error {
  override name = 'UnknownStep';
}

/** The step of a saga that its row names. Throws `UnknownStep`. */
export function stepNamed<N>(saga: SagaDeclaration<N>, name: string): SagaStep<N> {
  const found = saga.steps.find((step) => step.name === name);
  if (!found) throw new UnknownStep(`the saga ${saga.name} has no step ${name} any more, at which one of them stands: declare it again until those are through`);
  return found;
}

/** The first step that is not done; -1 after the last. */
export const pendingOf = ({ steps }: SagaRow): number => steps.findIndex(({ state }) => state === 'PENDING');

/** The step to undo next: the last that took effect, or may have, and can be undone; -1 if none is left. */
export const undoableOf = (saga: SagaDeclaration<any>, { steps }: SagaRow): number =>
  steps.findLastIndex(({ name, state, reached }) => (state === 'DONE' || (state === 'FAILED' && reached)) && (stepNamed(saga, name) as WorkStep<any>).compensate !== undefined);

/** What a step is told. Throws if what the saga was started with no longer fits. */
export const factsOf = (saga: SagaDeclaration<any>, { id, input, steps }: SagaRow): StepFacts => ({
  id,
  input: saga.input.parse(input),
  results: Object.fromEntries(steps.filter(({ state }) => state === 'DONE' || state === 'COMPENSATED').map(({ name, result }) => [name, result])),
});

/** Marks the pending step as done, and goes to the next. */
export function finishStep(row: SagaRow, result: unknown, time: Date): void {
  const at = pendingOf(row);
  // What JSON can't hold fails the step that gave it.
  const kept = JSON.parse(JSON.stringify(result ?? null)) as unknown;
  row.steps[at] = { ...row.steps[at]!, state: 'DONE', result: kept, error: undefined, time: time.toISOString() };
  const next = row.steps[at + 1];
  standAt(row, next ? 'RUNNING' : 'COMPLETED', next?.name);
  row.error = '';
}

/** Marks the pending step as failed, and begins to undo those before it, and itself if it may have `reached` others. */
export function beginUndoing(saga: SagaDeclaration<any>, row: SagaRow, why: string, reached: boolean, time: Date): void {
  const at = pendingOf(row);
  const failed = row.steps[at]!;
  row.steps[at] = { ...failed, state: 'FAILED', reached: failed.reached || (reached && stepNamed(saga, failed.name).kind === 'work'), time: time.toISOString() };
  row.error = why;
  toNextUndoing(saga, row);
}

/** Marks a step as undone, and goes to the one before. */
export function finishUndoing(saga: SagaDeclaration<any>, row: SagaRow, at: number, time: Date): void {
  row.steps[at] = { ...row.steps[at]!, state: 'COMPENSATED', time: time.toISOString() };
  toNextUndoing(saga, row);
}

function toNextUndoing(saga: SagaDeclaration<any>, row: SagaRow): void {
  const next = row.steps[undoableOf(saga, row)];
  standAt(row, next ? 'COMPENSATING' : 'COMPENSATED', next?.name);
}

function standAt(row: SagaRow, state: SagaRow['state'], step = row.step): void {
  Object.assign(row, { state: moved(row.state, state), step, turn: row.turn + 1, attempts: 0, awaits: null, wake_at: null });
}
