import type { QueryResult } from 'kysely';
import type { Answer } from './statement.ts';

/** The answer to a statement, as Kysely takes it. */
export function toResult<R>({ command, rowCount, rows }: Answer): QueryResult<R> {
  const changes = command === 'INSERT' || command === 'UPDATE' || command === 'DELETE' || command === 'MERGE';
  return { rows: rows as R[], numAffectedRows: changes ? BigInt(rowCount ?? 0) : undefined };
}
