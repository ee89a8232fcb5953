import type { ListOptions, ListPage, ListRequest } from '../queries/read-list.ts';
import type { SagaState, StepState } from '../sagas/saga-states.ts';

/** Work that failed for good: nothing tries it again until someone decides. */
export interface DeadLetter {
  id: string;
  module: string;
  /** The job's name, or `on:` and the event that it handles. */
  job: string;
  attempts: number;
  /** The message of the last failure. */
  error: string;
  queuedAt: Date;
  /** When it failed last. */
  failedAt: Date;
  /** The saga whose step it is, if it is one. */
  sagaId?: string;
  step?: string;
}

/** A step of a saga, as operators see it. */
export interface SagaStepReport {
  name: string;
  state: StepState;
  /** Tries that failed. */
  attempts: number;
  error: string;
  /** When it got into its state, RFC 3339. */
  time?: string;
}

/** A saga, as operators see it; times are RFC 3339. */
export interface SagaReport {
  id: string;
  module: string;
  saga: string;
  orgId?: string;
  state: SagaState;
  /** The step that it stands at. */
  step: string;
  steps: SagaStepReport[];
  attempts: number;
  /** Why it failed or is undone. */
  error: string;
  isCancelled: boolean;
  startedAt: string;
  changedAt: string;
  endedAt?: string;
  /** Until when it waits. */
  wakeAt?: string;
  deadline?: string;
}

/** How far a handler of events is behind. */
export interface HandlerLag {
  module: string;
  handler: string;
  eventType: string;
  /** Events that it has not dealt with. */
  waiting: number;
  /** Those of them that failed and are tried again. */
  retrying: number;
  deadLetters: number;
  /** How old the oldest that is due is. */
  lagSeconds: number;
}

/** Which events to hand to whom again. */
export interface ReplayRequest {
  /** A UUID of its own: the same replay twice has no effect. */
  id: string;
  /** Whose handlers. */
  module: string;
  /** Only this one. */
  handler?: string;
  /** Only events of this type. */
  type?: string;
  /** From when, and before when; RFC 3339. */
  from: string;
  to: string;
  /** Only counts. */
  dryRun: boolean;
}

/** A webhook that came. */
export interface WebhookRequest {
  module: string;
  name: string;
  /** By names in lower case. */
  headers: Record<string, string>;
  body: Uint8Array;
  /** The trace that its job belongs to. */
  traceId: string;
}

export interface WebhookReceipt {
  /** It has not come before. */
  isNew: boolean;
}

export interface ReplayedHandler {
  handler: string;
  eventType: string;
  events: number;
}

/** What the queue holds for a module. */
export interface QueueState {
  /** Jobs and deliveries of events that are due. */
  waiting: number;
  deadLetters: number;
  /** How long the oldest that is due has waited, in seconds. */
  oldestSeconds: number;
}

/** What operators see and do about a deployment's work; offered by the module that serves operators, never without the guard. */
export interface Operations {
  deadLetters: {
    /** A page of them, as a list's request says; their fields lie in the columns `id`, which grows, `module`, `job`, `attempts`, `queued_at` and `failed_at`. */
    list(request: ListRequest, options: ListOptions): Promise<ListPage<DeadLetter>>;
    /** Runs one again with all its attempts; whether there was one of this id. */
    retry(id: string): Promise<boolean>;
    /** Removes one; whether there was one of this id. */
    discard(id: string): Promise<boolean>;
  };
  sagas: {
    /** A page of them, as a list's request says; their fields lie in the columns `id`, `module`, `saga`, `org_id`, `state` and `started_at`. */
    list(request: ListRequest, options: ListOptions): Promise<ListPage<SagaReport>>;
    get(id: string): Promise<SagaReport | undefined>;
    /** Undoes one instead of going on; whether there was one of this id that went on. */
    cancel(id: string): Promise<boolean>;
    /** Tries one again at once; whether there was one of this id that had failed. */
    retry(id: string): Promise<boolean>;
  };
  events: {
    /** How far handlers are behind; of all modules if none is named. */
    lag(module?: string): Promise<HandlerLag[]>;
    /** From when on what was announced is kept, and can be replayed; RFC 3339. */
    keptSince(): Promise<string>;
    /** Lets handlers run again for what was announced in a period; tells for how many events each. */
    replay(request: ReplayRequest): Promise<ReplayedHandler[]>;
  };
  webhooks: {
    /** Checks and keeps a webhook; nothing if its module is not there. Throws `kernel.WEBHOOK_…`. */
    receive(request: WebhookRequest): Promise<WebhookReceipt | undefined>;
  };
  queueOf(module: string): Promise<QueueState>;
  /** The migrations that a module's tables have had, in order. */
  migrationsOf(module: string): Promise<{ name: string; appliedAt: Date }[]>;
}
