import type { ListOptions, ListPage, ListRequest } from '../queries/read-list.ts';

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
  queueOf(module: string): Promise<QueueState>;
  /** The migrations that a module's tables have had, in order. */
  migrationsOf(module: string): Promise<{ name: string; appliedAt: Date }[]>;
}
