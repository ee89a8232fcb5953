import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely';
import type pg from 'pg';
import type { Span } from '../telemetry/span.ts';
import { abortError, databaseError, isAfterFailure, isStalePlan, rolledBack, transactionOver } from './database-errors.ts';
import { enteringOrg } from './enter-org.ts';
import { holdWrites, socketOf } from './hold-writes.ts';
import { orgKeys } from './pool.ts';
import { readyToSend } from './statement-batch.ts';
import { runStatement, type Answer } from './statement.ts';
import { toResult } from './to-result.ts';

/** What a transaction is about: whose rows it sees, and when nobody wants its result any more. */
export interface Scope {
  /** Absent: no row of a tenant table is seen. */
  readonly orgId?: string;
  /** Costs something to look at. */
  readonly signal?: AbortSignal;
  /** The call's part of its trace. */
  readonly span?: Span;
}

/** Commands that leave nothing behind on the connection. */
const ROW_COMMANDS = new Set(['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'MERGE', 'LOCK']);

/** The org that each connection is set to between transactions; absent where that is not known. */
const sessionOrgs = new WeakMap<pg.PoolClient, string>();

/** A connection on which a transaction of one org runs. */
export class TenantConnection implements DatabaseConnection {
  readonly #client: pg.PoolClient;
  readonly #scope: Scope;
  readonly #signal: AbortSignal | undefined;
  #failed?: unknown;
  #broken = false;
  #committing = false;
  #released = false;

  constructor(client: pg.PoolClient, scope: Scope) {
    this.#client = client;
    this.#scope = scope;
    this.#signal = scope.signal;
    this.#signal?.addEventListener('abort', this.#giveUp, { once: true });
  }

  /** Opens the transaction and enters its org; both travel with the statement that comes next, in one write. */
  begin(): void {
    holdWrites(this.#client);
    if (sessionOrgs.get(this.#client) !== this.#orgId) sessionOrgs.delete(this.#client);
    // Noted before the next statement fails because of it.
    for (const sent of [this.#send('begin'), this.#enterOrg('transaction')]) sent.catch((error: unknown) => (this.#failed ??= error));
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#released) throw transactionOver();
    try {
      const result = await this.#send(sql, parameters);
      // What may outlast the transaction, such as a setting or a cursor, must not be met by the next call.
      if (!ROW_COMMANDS.has(result.command) || sql.includes('set_config')) this.#broken = true;
      return toResult<R>(result);
    } catch (error) {
      throw this.#explain(error);
    }
  }

  /** Sends the last statements and the commit in one write; what a statement refuses is thrown, and nothing is kept. */
  async commit(last: readonly CompiledQuery[] = []): Promise<void> {
    if (this.#signal?.aborted) throw abortError(this.#signal);
    const ready = readyToSend(last);
    if (ready.length > 0) holdWrites(this.#client);
    this.#committing = true;
    const sent = ready.map(({ sql, parameters }) => this.#send(sql, parameters));
    for (const statement of sent) statement.catch((error: unknown) => (this.#failed ??= error));
    try {
      const { command } = await this.#send('commit');
      // After a failed statement PostgreSQL answers a commit by rolling back.
      if (command === 'ROLLBACK') await Promise.allSettled(sent);
      if (command === 'ROLLBACK') throw this.#failed ?? rolledBack();
    } catch (error) {
      throw this.#explain(error);
    } finally {
      this.#committing = false;
    }
  }

  /** Runs one statement in a read-only transaction of its own: all of it travels in one write. */
  async readGuarded<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    this.begin();
    // Entering an org counts as a write.
    this.#send('set transaction read only').catch((error: unknown) => (this.#failed ??= error));
    const result = this.executeQuery<R>(query);
    const end = this.#send('commit');
    end.catch(() => {});
    const answer = await result;
    await end.catch((error: unknown) => { throw this.#explain(error); });
    return answer;
  }

  /** Runs one statement that is known to read, without a transaction around it: the connection stays set to its org. */
  async read<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    if (sessionOrgs.get(this.#client) === this.#orgId) return this.executeQuery<R>(query);
    holdWrites(this.#client);
    const entered = this.#enterOrg('session');
    const result = this.executeQuery<R>(query);
    result.catch(() => {});
    try {
      // Without it the statement saw the rows of another org: they must not be given out.
      await entered;
    } catch (error) {
      this.#broken = true;
      throw this.#explain(error);
    }
    sessionOrgs.set(this.#client, this.#orgId);
    return result;
  }

  async rollback(): Promise<void> {
    if (this.#broken) return;
    await this.#send('rollback').catch(() => (this.#broken = true));
  }

  /** Gives the connection back, or throws it away where its state is unknown. */
  release(): void {
    this.#released = true;
    this.#signal?.removeEventListener('abort', this.#giveUp);
    this.#client.release(this.#broken);
  }

  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('streaming rows is not supported: read pages');
  }

  get #orgId(): string {
    return this.#scope.orgId ?? '';
  }

  #enterOrg(until: 'transaction' | 'session'): Promise<unknown> {
    const { sql, parameters } = enteringOrg(until, this.#orgId, orgKeys.get(this.#client));
    return this.#send(sql, parameters);
  }

  #send(text: string, values?: readonly unknown[]): Promise<Answer> {
    if (this.#signal?.aborted && text !== 'rollback') return Promise.reject(abortError(this.#signal));
    return runStatement(this.#client, text, values);
  }

  // Closing the connection is the one way to stop a statement that can't hit a later one. A commit that is
  // under way is waited for: its outcome must be known.
  readonly #giveUp = () => {
    if (this.#committing) return;
    this.#broken = true;
    socketOf(this.#client).destroy();
  };

  #explain(error: unknown): unknown {
    if (this.#broken && this.#signal?.aborted) return abortError(this.#signal);
    if (isStalePlan(error)) this.#broken = true;
    if (isAfterFailure(error)) return databaseError(this.#failed ?? error);
    this.#failed ??= error;
    const explained = databaseError(error);
    if (explained !== error) this.#broken = true;
    return explained;
  }
}
