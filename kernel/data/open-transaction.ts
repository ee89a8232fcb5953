import { DefaultQueryExecutor, PostgresAdapter, PostgresQueryCompiler, Transaction as KyselyTransaction, type CompiledQuery, type Dialect, type Driver, type QueryResult } from 'kysely';
import type pg from 'pg';
import { CollectedEffects, type Declared } from '../events/effects.ts';
import { childSpan } from '../telemetry/in-span.ts';
import type { Span } from '../telemetry/span.ts';
import { transactionOver } from './database-errors.ts';
import type { Transaction } from './database.ts';
import type { Pipelines } from './pipelines.ts';
import { takeClient } from './pool.ts';
import { runKey } from './prepared.ts';
import { TenantConnection, type Scope } from './tenant-connection.ts';

const attributes = { 'db.system.name': 'postgresql', 'db.operation.name': 'COMMIT' };
const compiler = new PostgresQueryCompiler();
const adapter = new PostgresAdapter();
// A transaction neither connects nor describes itself: its connection is open already.
const unused = { config: { dialect: {} as Dialect }, driver: {} as Driver, dialect: {} as Dialect };

export interface TransactionOptions {
  module: string;
  declared?: Declared;
  /** Told what the transaction changed, when it was committed and before anybody hears of that. */
  ended?: (changed: Iterable<string>) => void;
  /** Told when it was committed that it left work for the queue. */
  queued?: () => void;
}

/** Where a transaction gets its connection. */
export interface TransactionPlace {
  /** For one that waits for the answers of its statements. */
  pool: pg.Pool;
  /** For one whose statements are all known at its commit. */
  pipelines?: Pipelines;
}

/** A transaction that is under way until it is committed or rolled back. It takes a connection with its first statement. */
export class OpenTransaction<T> {
  readonly tx: Transaction<T>;
  readonly #place: TransactionPlace;
  readonly #scope: Scope;
  readonly #effects: CollectedEffects;
  readonly #span: Span | undefined;
  readonly #ended: (changed: Iterable<string>) => void;
  readonly #queued: () => void;
  #opening: Promise<TenantConnection> | undefined;
  #isOver = false;

  constructor(place: TransactionPlace, scope: Scope, { module, declared, ended = () => {}, queued = () => {} }: TransactionOptions) {
    this.#place = place;
    this.#scope = scope;
    this.#span = childSpan(scope.span, 'database transaction', attributes);
    this.#ended = ended;
    this.#queued = queued;
    this.#effects = new CollectedEffects(module, declared);
    const executor = new DefaultQueryExecutor(compiler, adapter, { provideConnection: async (consumer) => consumer(await this.#use()) });
    const run = <R>(query: CompiledQuery) => this.run<R>(query);
    this.tx = Object.assign(new KyselyTransaction<T>({ ...unused, executor }), this.#effects.methods, { [runKey]: run });
  }

  async run<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return (await this.#use()).executeQuery<R>(query);
  }

  /** Writes what was left for the commit, events and jobs, then `last`, and commits, all in one write. */
  async commit(last: readonly CompiledQuery[] = []): Promise<void> {
    this.#isOver = true;
    const statements = [...this.#effects.take(), ...last];
    const pipelines = this.#opening || this.#effects.mustBeAlone ? undefined : this.#place.pipelines;
    const orgId = this.#scope.orgId ?? '';
    try {
      if (!pipelines) await this.#commitAlone(statements);
      else if (statements.length > 0) await pipelines.run(orgId, (lane) => lane.transact(orgId, statements), () => this.#commitAlone(statements));
    } catch (error) {
      this.#span?.end('ROLLBACK');
      throw error;
    } finally {
      // Also after a commit whose outcome nobody knows.
      this.#ended(this.#effects.changed);
      if (this.#effects.isQueued) this.#queued();
      this.#span?.end();
    }
  }

  async rollback(): Promise<void> {
    this.#isOver = true;
    this.#effects.end();
    const connection = await this.#opening?.catch(() => undefined);
    await connection?.rollback();
    connection?.release();
    this.#span?.end('ROLLBACK');
  }

  async #commitAlone(statements: readonly CompiledQuery[]): Promise<void> {
    const connection = await this.#open();
    try {
      await connection.commit(statements);
    } catch (error) {
      await connection.rollback();
      throw error;
    } finally {
      connection.release();
    }
  }

  /** Work that goes on after the end must not open it again: nobody would close it. */
  #use(): Promise<TenantConnection> {
    return this.#isOver ? Promise.reject(transactionOver()) : this.#open();
  }

  /** Begins; that travels with the first statement. */
  #open(): Promise<TenantConnection> {
    return (this.#opening ??= takeClient(this.#place.pool).then((client) => {
      const connection = new TenantConnection(client, this.#scope);
      connection.begin();
      return connection;
    }));
  }
}
