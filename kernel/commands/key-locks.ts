import { sql, type RawBuilder } from 'kysely';
import type { ModuleDatabase } from '../data/create-database.ts';
import type { OpenTransaction } from '../data/open-transaction.ts';
import { idempotencyErrors } from './idempotency.ts';

/**
 * Locks idempotency keys for as long as commands stream, all on one connection of the module: streams may last, and a
 * connection each would soon leave none. A process that dies leaves no lock behind.
 */
export class KeyLocks {
  readonly #database: ModuleDatabase<any>;
  readonly #held = new Set<bigint>();
  #session: OpenTransaction<any> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(database: ModuleDatabase<any>) {
    this.#database = database;
  }

  /** Locks a key, and gives what unlocks it. Throws `COMMAND_RUNNING` if it is locked, in whatever process. */
  async lock(name: Buffer): Promise<() => Promise<void>> {
    const key = name.readBigInt64BE();
    // To the session that holds them all it would be its own.
    if (this.#held.has(key)) throw idempotencyErrors.COMMAND_RUNNING();
    this.#held.add(key);
    try {
      if (!(await this.#ask(sql`select pg_try_advisory_lock(${key}) as done`))) throw idempotencyErrors.COMMAND_RUNNING();
    } catch (error) {
      await this.#forget(key);
      throw error;
    }
    let isLocked = true;
    return async () => {
      // Once: afterwards the key may be another's.
      if (!isLocked) return;
      isLocked = false;
      await this.#unlock(key);
    };
  }

  async #unlock(key: bigint): Promise<void> {
    // A lock ends with its session.
    if (this.#session) await this.#ask(sql`select pg_advisory_unlock(${key}) as done`).catch(() => {});
    await this.#forget(key);
  }

  /** The connection is given back with the last key. */
  async #forget(key: bigint): Promise<void> {
    this.#held.delete(key);
    await this.#inTurn(async () => {
      if (this.#held.size === 0) await this.#end();
    }).catch(() => {});
  }

  #ask(question: RawBuilder<unknown>): Promise<boolean> {
    return this.#inTurn(async () => {
      try {
        const { rows } = await question.execute((await this.#open()).tx);
        return (rows[0] as { done: boolean }).done;
      } catch (error) {
        await this.#end();
        throw error;
      }
    });
  }

  /** What an earlier session may have left on the connection is unlocked first. */
  async #open(): Promise<OpenTransaction<any>> {
    if (this.#session) return this.#session;
    this.#session = this.#database.beginBeside({ principal: { kind: 'module', module: this.#database.module }, traceId: '0'.repeat(32) });
    await sql`select pg_advisory_unlock_all(), set_config('idle_in_transaction_session_timeout', '0', true)`.execute(this.#session.tx);
    return this.#session;
  }

  async #end(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.rollback();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }
}
