import { DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler, type Compilable, type CompiledQuery, type QueryResult } from 'kysely';

/** What `db.read` and `db.write` hand out runs compiled statements through this. */
export const runKey = Symbol('runs a compiled statement');

export interface Runs {
  [runKey]: <R>(query: CompiledQuery<R>) => Promise<QueryResult<R>>;
}

/** A statement that is built once and run many times, with values for its named parameters. */
export interface Prepared<P, R> {
  /** Runs it and gives its rows. `q` is what `db.read` or `db.write` gave. */
  all(q: Kysely<any>, values: P): Promise<R[]>;
  /** Runs it and gives its first row, if there is one. */
  first(q: Kysely<any>, values: P): Promise<R | undefined>;
  /** The statement with its values, for `tx.atCommit`. */
  with(values: P): Compilable<R>;
}

class Parameter {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** Kysely that only compiles. */
const compiler = new Kysely<any>({
  dialect: {
    createDriver: () => new DummyDriver(),
    createAdapter: () => new PostgresAdapter(),
    createQueryCompiler: () => new PostgresQueryCompiler(),
    createIntrospector: (db) => new PostgresIntrospector(db),
  },
});

const byName = new Proxy({}, { get: (_, name) => new Parameter(String(name)) });

/**
 * Prepares a statement: `prepared<Tables>()((q, p: { id: string }) => q.selectFrom(…).where('id', '=', p.id))`.
 * It is built and compiled at its first use only, which is most of what a query builder costs; so it can't depend on the
 * values: each `p.name` stands for one value, a list only as `sql`any(${p.ids}::uuid[])``.
 */
export const prepared = <T>() => <P extends object, R>(build: (q: Kysely<T>, p: P) => Compilable<R>): Prepared<P, R> => {
  let template: CompiledQuery<R> | undefined;
  const bind = (values: P): CompiledQuery<R> => {
    template ??= build(compiler, byName as P).compile();
    const parameters = template.parameters.map((slot) => (slot instanceof Parameter ? valueOf(values, slot.name) : slot));
    return { sql: template.sql, query: template.query, queryId: template.queryId, parameters };
  };
  const run = async (q: Kysely<any>, values: P) => (await (q as Kysely<any> & Runs)[runKey](bind(values))).rows;
  return {
    all: run,
    first: async (q, values) => (await run(q, values))[0],
    with: (values) => ({ compile: () => bind(values) }),
  };
};

function valueOf(values: object, name: string): unknown {
  const value = (values as Record<string, unknown>)[name];
  if (value === undefined) throw new Error(`a prepared statement needs a value for ${name}: give null where there is none`);
  return value;
}
