import type { CompiledQuery } from 'kysely';
import type { Database, Transaction } from '../data/database.ts';
import type { OpenTransaction } from '../data/open-transaction.ts';

/**
 * The one transaction of a command. It begins with the first write, everything that the command reads and writes
 * afterwards joins it, and whoever runs the command commits it when the handler has returned.
 */
export class CommandScope<T = any> {
  /** Whose transaction it is. */
  readonly database: Database<T>;
  readonly #begin: () => OpenTransaction<T>;
  #begun: OpenTransaction<T> | undefined;
  #failure: { error: unknown } | undefined;
  #open = true;
  /** Writes under way. */
  #writing = 0;
  #ended: PromiseWithResolvers<boolean> | undefined;
  #over = false;
  #committed = false;

  constructor(database: Database<T>, begin: () => OpenTransaction<T>) {
    this.database = database;
    this.#begin = begin;
  }

  /** The handler has not returned yet. */
  get isOpen(): boolean {
    return this.#open;
  }

  /** Resolves when the transaction was committed (`true`), or rolled back, or nobody knows which. */
  get ended(): Promise<boolean> {
    if (this.#over) return Promise.resolve(this.#committed);
    return (this.#ended ??= Promise.withResolvers()).promise;
  }

  /** What the first write that failed failed with. */
  get failure(): unknown {
    return this.#failure?.error;
  }

  /** The transaction, for reads, if it began. */
  get joined(): Transaction<T> | undefined {
    return this.#begun?.tx;
  }

  /** A write that fails fails the command, even if its handler goes on: part of what it wanted could be written. */
  async write<R>(work: (tx: Transaction<T>) => Promise<R>): Promise<R> {
    this.#writing++;
    try {
      return await work(this.begin().tx);
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    } finally {
      this.#writing--;
    }
  }

  begin(): OpenTransaction<T> {
    return (this.#begun ??= this.#begin());
  }

  /** Commits what was written together with `last`; throws if a write had failed, or is not over. */
  async commit(last: readonly CompiledQuery[]): Promise<void> {
    this.#open = false;
    if (this.#failure) throw this.#failure.error;
    if (this.#writing > 0) throw new Error('a command came to its end while it wrote: await each of its writes, or half of one could be kept');
    const begun = this.begin();
    this.#begun = undefined;
    await begun.commit(last);
    this.#committed = true;
  }

  /** Undoes everything that was written, unless it was committed; called at the end in any case. */
  async rollback(): Promise<void> {
    this.#open = false;
    const begun = this.#begun;
    this.#begun = undefined;
    await begun?.rollback();
    this.#over = true;
    this.#ended?.resolve(this.#committed);
  }
}
