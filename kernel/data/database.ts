import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import type { Kysely, Transaction as KyselyTransaction } from 'kysely';
import type { JobDeclaration } from '../module/job.ts';

/**
 * A module's own tables. Every transaction carries the org of the current call, so row-level security shows
 * the rows of that org and no other. `T` is the module's table types, as Kysely takes them.
 */
export interface Database<T> {
  /**
   * Reads in the org of the current call. Each statement is a read-only transaction of its own and costs one round
   * trip; statements that must see one state of the data belong into `write`.
   */
  read<R>(work: (db: Kysely<T>) => Promise<R>): Promise<R>;
  /** Decides and writes in one transaction; its rows, events and jobs commit together or not at all. */
  write<R>(work: (tx: Transaction<T>) => Promise<R>): Promise<R>;
}

/** A writing transaction of a module. */
export type Transaction<T> = KyselyTransaction<T> & Effects;

/** What a command may cause besides its rows; all of it commits with them. */
export interface Effects {
  /**
   * Announces what happened. Delivered at least once to every subscribed module, in order per `aggregate`
   * (the id of the thing it happened to).
   */
  emit<M extends DescMessage>(event: M, init: MessageInitShape<M>, options: { aggregate: string }): Promise<void>;
  /** Puts a job of this module into the queue, to run in the org of the current call. */
  enqueue<P>(job: JobDeclaration<never, P>, payload: P, options?: EnqueueOptions): Promise<void>;
  /** Takes a queued job back by its key; nothing happens if it ran already. */
  cancel(job: JobDeclaration<never, never>, key: string): Promise<void>;
}

export interface EnqueueOptions {
  /** When to run; now if absent. */
  runAt?: Date;
  /** A later `enqueue` of the same job and key replaces the waiting one. */
  key?: string;
  /** Tries before the job is a dead letter; 12 if absent, with exponential back-off. */
  maxAttempts?: number;
}
