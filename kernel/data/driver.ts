import { Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, type CompiledQuery, type DatabaseConnection, type Dialect, type Driver, type QueryResult, type SelectQueryNode } from 'kysely';
import type pg from 'pg';
import { inSpan } from '../telemetry/in-span.ts';
import type { Pipelines } from './pipelines.ts';
import { takeClient } from './pool.ts';
import { runKey } from './prepared.ts';
import { repeatedly } from './repeat.ts';
import { TenantConnection, type Scope } from './tenant-connection.ts';

const attributes = { 'db.system.name': 'postgresql', 'db.operation.name': 'SELECT' };

/** Kysely over a pool, where each statement is a transaction of its own that can't write, and takes one round trip. */
export function createReader(pool: pg.Pool, scope: () => Scope, pipelines?: Pipelines): Kysely<any> {
  const run = <R>(query: CompiledQuery) => repeatedly(() => {
    const now = scope();
    return inSpan(now.span, 'database read', attributes, () => readOnce<R>(pool, now, query, pipelines));
  });
  return Object.assign(readerBy(run), { [runKey]: run });
}

/** Kysely whose statements are run by a function. */
export const readerBy = (run: DatabaseConnection['executeQuery']): Kysely<any> => new Kysely<any>({ dialect: dialect(new ReadDriver(run)) });

const dialect = (driver: Driver): Dialect => ({
  createDriver: () => driver,
  createAdapter: () => new PostgresAdapter(),
  createQueryCompiler: () => new PostgresQueryCompiler(),
  createIntrospector: (db) => new PostgresIntrospector(db),
});

class ReadDriver implements Driver {
  readonly #connection: DatabaseConnection;

  constructor(executeQuery: DatabaseConnection['executeQuery']) {
    this.#connection = {
      executeQuery,
      streamQuery: () => { throw new Error('streaming rows is not supported: read pages'); },
    };
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  async beginTransaction(): Promise<void> {
    throw new Error('db.read has no transactions: use db.write');
  }

  async commitTransaction(): Promise<void> {}
  async rollbackTransaction(): Promise<void> {}
  async releaseConnection(): Promise<void> {}
  async destroy(): Promise<void> {}
}

function readOnce<R>(pool: pg.Pool, scope: Scope, query: CompiledQuery, pipelines: Pipelines | undefined): Promise<QueryResult<R>> {
  const isPlain = isPlainSelect(query);
  if (!isPlain || !pipelines) return readAlone<R>(pool, scope, query, isPlain);
  const orgId = scope.orgId ?? '';
  return pipelines.run(orgId, (lane) => lane.read<R>(orgId, query), () => readAlone<R>(pool, scope, query, isPlain));
}

async function readAlone<R>(pool: pg.Pool, scope: Scope, query: CompiledQuery, isPlain: boolean): Promise<QueryResult<R>> {
  const connection = new TenantConnection(await takeClient(pool), scope);
  try {
    return await (isPlain ? connection.read<R>(query) : connection.readGuarded<R>(query));
  } finally {
    connection.release();
  }
}

// PostgreSQL keeps everything else from writing; a select without parts that could hide an insert need not be kept.
function isPlainSelect({ query, sql }: CompiledQuery): boolean {
  return query.kind === 'SelectQueryNode' && !(query as SelectQueryNode).with && !sql.includes('set_config');
}
