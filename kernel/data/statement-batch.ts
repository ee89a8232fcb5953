import pg from 'pg';
import { statementName } from './statement-names.ts';
import { wireOf, wireValue, type Wire, type WireValue } from './statement.ts';

export interface BatchedStatement {
  sql: string;
  parameters: readonly unknown[];
}

/** A statement that the connection knows by its name, with its values as they travel. */
interface Bound {
  name: string;
  values: readonly WireValue[];
}

/**
 * The same statements with their values as they travel. One whose values can't be sent must be known before the others are
 * on their way, or these are committed without it.
 */
export const readyToSend = (statements: readonly BatchedStatement[]): BatchedStatement[] => statements.map(({ sql, parameters }) => ({ sql, parameters: parameters.map(wireValue) }));

/**
 * Statements on their way as one transaction: PostgreSQL takes all that comes before a Sync for one, commits it there, and
 * answers in one go (PostgreSQL, "Pipelining"). There is nothing to begin and to commit, and no answer to send and to read
 * for each statement.
 */
class Batch {
  readonly name = '';
  readonly text = '';
  readonly values: readonly unknown[] = [];
  readonly callback: (error?: unknown) => void;
  readonly #statements: readonly Bound[];

  constructor(statements: readonly Bound[], callback: (error?: unknown) => void) {
    this.#statements = statements;
    this.callback = callback;
  }

  submit(wire: Wire): void {
    wire.stream.cork();
    for (const { name, values } of this.#statements) {
      wire.bind({ portal: '', statement: name, values });
      wire.execute({ portal: '' });
    }
    wire.sync();
    wire.stream.uncork();
  }

  handleReadyForQuery(): void {
    this.callback();
  }

  handleError(error: unknown): void {
    this.callback(error);
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}
  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}
}

// On a pipelined connection the client takes nothing but its own kind.
Object.setPrototypeOf(Batch.prototype, pg.Query.prototype as object);

/**
 * Runs statements as one transaction, whose rows nobody wants. Gives `undefined` if the connection has not parsed all of
 * them before: after a failure nobody could tell which of them it knows.
 */
export function runBatch(client: pg.ClientBase, statements: readonly BatchedStatement[]): Promise<void> | undefined {
  const { parsedStatements } = wireOf(client);
  const bound: Bound[] = [];
  for (const { sql, parameters } of statements) {
    const name = statementName(sql);
    if (name === undefined || parsedStatements[name] === undefined) return undefined;
    bound.push({ name, values: parameters.map(wireValue) });
  }
  return new Promise((resolve, reject) => {
    client.query(new Batch(bound, (error) => (error ? reject(error as Error) : resolve())) as never);
  });
}
