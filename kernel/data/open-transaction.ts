import { DefaultQueryExecutor, PostgresAdapter, PostgresQueryCompiler, Transaction as KyselyTransaction, type CompiledQuery, type Dialect, type Driver } from 'kysely';
import type pg from 'pg';
import { CollectedEffects, type Declared } from '../events/effects.ts';
import { childSpan } from '../telemetry/in-span.ts';
import type { Span } from '../telemetry/span.ts';
import type { Transaction } from './database.ts';
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
}

/** A transaction that is under way until it is committed or rolled back, which gives its connection back. */
export class OpenTransaction<T> {
  readonly tx: Transaction<T>;
  readonly #connection: TenantConnection;
  readonly #effects: CollectedEffects;
  readonly #span: Span | undefined;
  readonly #ended: (changed: Iterable<string>) => void;

  private constructor(connection: TenantConnection, span: Span | undefined, { module, declared, ended = () => {} }: TransactionOptions) {
    this.#connection = connection;
    this.#span = span;
    this.#ended = ended;
    this.#effects = new CollectedEffects(module, declared);
    const executor = new DefaultQueryExecutor(compiler, adapter, { provideConnection: (consumer) => consumer(connection) });
    const run = (query: CompiledQuery) => connection.executeQuery(query);
    this.tx = Object.assign(new KyselyTransaction<T>({ ...unused, executor }), this.#effects.methods, { [runKey]: run });
  }

  /** Begins one; that travels with its first statement. */
  static async begin<T>(pool: pg.Pool, scope: Scope, options: TransactionOptions): Promise<OpenTransaction<T>> {
    const span = childSpan(scope.span, 'database transaction', attributes);
    const connection = new TenantConnection(await takeClient(pool), scope);
    connection.begin();
    return new OpenTransaction<T>(connection, span, options);
  }

  run<R>(query: CompiledQuery): Promise<{ rows: R[] }> {
    return this.#connection.executeQuery<R>(query);
  }

  /** Writes what was left for the commit, events and jobs, then `last`, and commits, all in one write. */
  async commit(last: readonly CompiledQuery[] = []): Promise<void> {
    try {
      await this.#connection.commit([...this.#effects.take(), ...last]);
    } catch (error) {
      await this.#connection.rollback();
      this.#span?.end('ROLLBACK');
      throw error;
    } finally {
      // Also after a commit whose outcome nobody knows.
      this.#ended(this.#effects.changed);
      this.#connection.release();
      this.#span?.end();
    }
  }

  async rollback(): Promise<void> {
    await this.#connection.rollback();
    this.#connection.release();
    this.#span?.end('ROLLBACK');
  }
}
