import type { DescMessage, MessageInitShape } from '@bufbuild/protobuf';
import type { Compilable, Kysely, Transaction as KyselyTransaction } from 'kysely';
import type { CachedQuery } from '../queries/query-cache.ts';
import type { JobDeclaration } from '../module/job.ts';
import type { SagaDeclaration } from '../sagas/saga.ts';

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
  /**
   * Reads, or gives the answer that was read before, until a transaction of this module commits that changed one of the
   * things that the query names: see `CachedQuery`. Only where it was measured to pay; the answer must not be changed.
   */
  readCached<R>(query: CachedQuery, work: (db: Kysely<T>) => Promise<R>): Promise<R>;
  /**
   * Decides and writes in one transaction; its rows, events and jobs commit together or not at all. In a command the
   * first `write` begins the command's one transaction: what it reads and writes later joins, and all of it commits
   * after the handler returned, or nothing if it throws (docs/decisions/0013).
   */
  write<R>(work: (tx: Transaction<T>) => Promise<R>): Promise<R>;
  /**
   * Writes in a transaction of its own, at once, whatever becomes of the command: for what must outlive a refusal, such
   * as counting a failed login. It must not touch rows that the command has written, since it would wait for them.
   */
  writeApart<R>(work: (tx: Transaction<T>) => Promise<R>): Promise<R>;
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
  /**
   * Starts a saga of this module, in the org of the current call, and gives its id. With a key that a saga of this name had
   * before in the org, it is that one's id, and nothing is started.
   */
  start<I>(saga: SagaDeclaration<never, I>, input: I, options?: { key?: string }): Promise<string>;
  /** Says what was changed, by id, where no event does (`emit` says it of its aggregate): cached answers that tell of it are dropped. */
  changed(...ids: string[]): void;
  /** Runs a statement whose result nobody needs together with the commit, in the order given: it costs no round trip. */
  atCommit(query: Compilable): void;
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
