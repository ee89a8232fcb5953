import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import type { z } from 'zod';

/** What a step of a saga is told: what the saga was started with, and what the steps before it gave. */
export interface StepFacts<I = any> {
  /** The id of the saga. */
  id: string;
  input: I;
  /** What each done step gave, by its name, as JSON brought it back. */
  results: Readonly<Record<string, any>>;
}

export interface StepOptions {
  /** Tries before it failed for good; 5 if absent. */
  tries?: number;
  /** Seconds that one try may take: at most 50, 30 if absent. Longer work is several steps. */
  seconds?: number;
}

/** A step that does something. */
export interface WorkStep<N> extends StepOptions {
  kind: 'work';
  name: string;
  run: (needs: N, facts: StepFacts) => Promise<unknown>;
  compensate?: (needs: N, facts: StepFacts & { result: any }) => Promise<unknown>;
}

/** A step that lets time pass. */
export interface SleepStep {
  kind: 'sleep';
  name: string;
  until: (facts: StepFacts) => Date;
}

/** A step that waits for an event. */
export interface EventStep {
  kind: 'event';
  name: string;
  event: DescMessage;
  /** Which event the saga waits for: the one of which `keyOf` gives the same text. */
  key: (facts: StepFacts) => string;
  keyOf: (event: never) => string;
  /** How long it waits, in seconds. */
  timeoutSeconds: number;
  /** What happens then: the saga fails, or goes on with the result `null`. */
  onTimeout: 'fail' | 'go on';
}

export type SagaStep<N> = WorkStep<N> | SleepStep | EventStep;

/** A process of several steps, each of which takes effect once; if one fails for good, the done ones are undone in reverse. */
export interface SagaDeclaration<N, I = any> {
  /** Unique in the module; kebab-case. */
  name: string;
  /** Checks what it is started with, which is kept as JSON. */
  input: z.ZodType<I>;
  /** Seconds after its start from which no further step is begun and the done ones are undone; absent, it has no deadline. */
  deadlineSeconds?: number;
  /** How long it waits before a failed step is tried again, in seconds: doubled each time; 1 to 3600 if absent. */
  backoff?: { first: number; most: number };
  steps: readonly SagaStep<N>[];
}

/**
 * Declares a saga, which `tx.start` starts. Each step runs as one transaction with its checkpoint, as a job does, and the
 * commands of other services that it calls take effect once. The names of steps are kept with running sagas: a step that
 * is renamed or taken away keeps those from going on.
 */
export function defineSaga<N, I>(saga: SagaDeclaration<N, I>): SagaDeclaration<N, I> {
  const names = saga.steps.map(({ name }) => name);
  if (names.length === 0 || new Set(names).size < names.length) throw new Error(`the saga ${saga.name} needs steps, each with a name of its own`);
  return saga;
}

/**
 * A step of a saga. What `run` returns is kept as JSON. `compensate` undoes it; its `result` is undefined where the step failed after it
 * may have called commands of other services, so that nobody knows what of it took effect.
 */
export function step<N, I = any, R = unknown>(name: string, run: (needs: N, facts: StepFacts<I>) => Promise<R>, compensate?: (needs: N, facts: StepFacts<I> & { result: R | undefined }) => Promise<unknown>, options: StepOptions = {}): WorkStep<N> {
  const { seconds = 30 } = options;
  // PostgreSQL ends a transaction that has rested for a minute.
  if (!(seconds > 0 && seconds <= 50)) throw new Error(`the step ${name} may take 50 seconds at most: make several steps of it`);
  return { kind: 'work', name, run, compensate, ...options };
}

/** A step that lets time pass until a moment, which is asked for once. */
export const sleepUntil = <I = any>(name: string, until: (facts: StepFacts<I>) => Date): SleepStep => ({ kind: 'sleep', name, until });

/** A step that waits for an event; its result is the event, as its JSON. An event that came before the saga waited for it counts too. */
export function waitFor<M extends DescMessage, I = any>(name: string, event: M, wait: { key: (facts: StepFacts<I>) => string; keyOf: (event: MessageShape<M>) => string; timeoutSeconds: number; onTimeout?: 'fail' | 'go on' }): EventStep {
  return { kind: 'event', name, event, onTimeout: 'fail', ...wait, keyOf: wait.keyOf as EventStep['keyOf'] };
}

const final = new WeakSet<object>();

/** Marks an error of a step so that the step is not tried again: the saga is undone at once. */
export function givingUp<E extends Error>(error: E): E {
  final.add(error);
  return error;
}

export const isFinal = (error: unknown): boolean => typeof error === 'object' && error !== null && final.has(error);

/** The name of a saga's job in the queue. */
export const sagaJob = (saga: string): string => `saga:${saga}`;

/** What the queue keeps for a saga: which one, and at which of its turns. */
export interface SagaTurn {
  saga: string;
  turn: number;
  /** For people: the step that it stands at. */
  step: string;
}
