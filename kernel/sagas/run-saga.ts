import { inScope } from '../commands/run-command.ts';
import type { ModuleDatabase } from '../data/create-database.ts';
import { currentTime } from '../data/current-time.ts';
import type { OpenTransaction } from '../data/open-transaction.ts';
import { repeatedly } from '../data/repeat.ts';
import { isDatabaseAway } from '../data/until-reachable.ts';
import { runInCall, type Call } from '../guard/call.ts';
import { awaitEvent } from './await-event.ts';
import { isFinal, sagaJob, type SagaDeclaration, type SagaTurn, type WorkStep } from './saga.ts';
import { beginUndoing, factsOf, finishStep, finishUndoing, pendingOf, stepNamed, undoableOf, UnknownStep } from './saga-moves.ts';
import { SagaMoved, saveSaga, takeSaga, type Run, type SagaRow } from './saga-row.ts';
import { hasEnded, moved } from './saga-states.ts';

/** A turn of a saga about to run. */
export interface SagaRun {
  database: ModuleDatabase<any>;
  context: unknown;
  saga: SagaDeclaration<any>;
  call: Call;
  given: SagaTurn;
  /** It was begun before, and nobody knows how far it came. */
  wasTried: boolean;
  /** Keeps the queue from trying this turn again: it is a dead letter when it fails now. */
  endTries: () => Promise<unknown>;
}

/** A saga as one of its turns sees it, in the turn's transaction. */
interface Turn extends SagaRun {
  row: SagaRow;
  run: Run;
  open: OpenTransaction<any>;
}

interface Failure {
  error: unknown;
  /** Commands of other services may have been called. */
  reached: boolean;
}

const TRIES = 5;
const longestError = 1000;

/**
 * Takes a saga one step on, forward or back. The step's writes, its result and the job for the next step commit together;
 * a job of a turn that is over has no effect. That a step failed is kept in a transaction of its own.
 */
export async function runSaga(run: SagaRun): Promise<void> {
  try {
    const failure = await tryTurn(run);
    if (failure) await keepFailure(run, failure);
  } catch (error) {
    if (!(error instanceof SagaMoved)) throw error;
  }
}

async function tryTurn(run: SagaRun): Promise<Failure | undefined> {
  const call: Call = { ...run.call };
  let reached = run.wasTried;
  try {
    await inTurn(run, call, (turn) => (isForward(turn.row) ? goForward(turn) : goBack(turn)), () => { reached ||= hasReached(call); });
    return undefined;
  } catch (error) {
    // None of these is the fault of the step.
    if (error instanceof SagaMoved || error instanceof UnknownStep || isDatabaseAway(error) || run.call.signal?.aborted) throw error;
    return { error, reached: reached || hasReached(call) };
  }
}

const isForward = ({ state }: SagaRow): boolean => state === 'RUNNING' || state === 'WAITING';
const hasReached = ({ nestedCommands, orgsEntered }: Call): boolean => Boolean(nestedCommands || orgsEntered);

/** Runs `work` in a transaction that others do not work on the saga in, and commits it; does nothing if the turn is over. */
function inTurn(run: SagaRun, call: Call, work: (turn: Turn) => Promise<void>, again: () => void = () => {}): Promise<void> {
  const { database, given } = run;
  return repeatedly(() => {
    again();
    return inScope(call, { database }, async (scope) => {
      const open = scope.begin();
      const ask: Run = (query) => open.run(query);
      const row = await takeSaga(ask, database.module, given.saga);
      if (!row || row.turn !== given.turn || hasEnded(row.state)) return;
      await runInCall(call, () => work({ ...run, call, row, run: ask, open }));
      await scope.commit([]);
    });
  });
}

async function goForward(turn: Turn): Promise<void> {
  const { saga, row, wasTried, context, call } = turn;
  if (row.is_cancelled || row.is_late) {
    beginUndoing(saga, row, row.is_cancelled ? 'an operator cancelled it' : 'its deadline passed', wasTried, currentTime());
    return keep(turn);
  }
  const step = stepNamed(saga, row.steps[pendingOf(row)]!.name);
  if (step.kind === 'sleep') return sleep(turn, step.until);
  if (step.kind === 'event') {
    const wait = await awaitEvent(turn.run, turn.database.module, saga, row, step);
    return keep(turn, wait);
  }
  call.idempotencyKey = `${row.id}/${step.name}/do`;
  finishStep(row, await inTime(call, step, () => step.run(context, factsOf(saga, row))), currentTime());
  return keep(turn);
}

async function sleep(turn: Turn, until: (facts: ReturnType<typeof factsOf>) => Date): Promise<void> {
  const { saga, row } = turn;
  const end = row.wake_at ?? until(factsOf(saga, row));
  if (end <= currentTime()) {
    finishStep(row, null, currentTime());
    return keep(turn);
  }
  Object.assign(row, { state: moved(row.state, 'WAITING'), wake_at: end, turn: row.turn + 1 });
  return keep(turn, end);
}

async function goBack(turn: Turn): Promise<void> {
  const { saga, row, context, call } = turn;
  const at = undoableOf(saga, row);
  const { name, state, result } = row.steps[at]!;
  const step = stepNamed(saga, name) as WorkStep<any>;
  call.idempotencyKey = `${row.id}/${name}/undo`;
  await inTime(call, step, () => step.compensate!(context, { ...factsOf(saga, row), result: state === 'DONE' ? result : undefined }));
  finishUndoing(saga, row, at, currentTime());
  return keep(turn);
}

/** Keeps the row, and queues the next turn for `at`, or for the deadline if that is earlier. */
async function keep({ database: { module }, saga, row, run, open, given }: Turn, at?: Date): Promise<void> {
  const isOver = hasEnded(row.state);
  const isCancelled = await saveSaga(run, module, row, given.turn, isOver);
  if (isOver) return;
  const early = isForward(row) && row.deadline && at && row.deadline < at ? row.deadline : at;
  await open.tx.enqueue({ name: sagaJob(saga.name), run: async () => {} }, { saga: row.id, turn: row.turn, step: row.step }, { runAt: isCancelled && isForward(row) ? undefined : early });
}

/** Runs a step as long as it may take; the calls that it makes end then too. */
async function inTime<R>(call: Call, { name, seconds = 30 }: WorkStep<any>, work: () => Promise<R>): Promise<R> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(new Error(`the step ${name} took longer than its ${seconds} seconds`)), seconds * 1000);
  const signal = call.signal ? AbortSignal.any([call.signal, over.signal]) : over.signal;
  Object.assign(call, { signal, deadline: performance.now() + seconds * 1000 });
  const aborted = new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    clearTimeout(timer);
  }
}

/** Notes that a step failed: it is tried again later, or what is done is undone, or an undoing waits for an operator. */
async function keepFailure(run: SagaRun, { error, reached }: Failure): Promise<void> {
  const why = (error instanceof Error ? error.message : String(error)).slice(0, longestError).toWellFormed();
  let isStuck = false;
  await inTurn(run, { ...run.call }, async (turn) => {
    const { saga, row } = turn;
    const forward = isForward(row);
    const at = forward ? pendingOf(row) : undoableOf(saga, row);
    const step = stepNamed(saga, row.steps[at]!.name);
    const failed = row.steps[at]!;
    row.attempts = (row.state === 'STUCK' ? 0 : row.attempts) + 1;
    row.steps[at] = { ...failed, attempts: row.attempts, error: why, reached: failed.reached || (forward && reached && step.kind === 'work') };
    row.error = why;
    const isOver = isFinal(error) || row.attempts >= ((step.kind === 'work' ? step.tries : undefined) ?? TRIES);
    if (isOver && !forward) {
      isStuck = true;
      row.state = moved(row.state, 'STUCK');
      await saveSaga(turn.run, turn.database.module, row, run.given.turn, false);
      return;
    }
    if (isOver) beginUndoing(saga, row, why, reached, currentTime());
    else Object.assign(row, { state: moved(row.state, forward ? 'RUNNING' : 'COMPENSATING'), turn: row.turn + 1 });
    await keep(turn, isOver ? undefined : retryTime(saga, row.attempts));
  });
  if (!isStuck) return;
  await run.endTries();
  throw error;
}

function retryTime({ backoff = { first: 1, most: 3600 } }: SagaDeclaration<any>, attempts: number): Date {
  return new Date(currentTime().getTime() + Math.min(backoff.first * 2 ** (attempts - 1), backoff.most) * 1000);
}
