import pg from 'pg';
import { prepareValue } from 'pg/lib/utils.js';
import { statementName } from './statement-names.ts';
import { parserOf } from './value-parsers.ts';

/** The answer to a statement. */
export interface Answer {
  /** Such as `SELECT`; empty after nothing. */
  command: string;
  /** Rows read or written; absent where the command has none. */
  rowCount: number | null;
  rows: Record<string, unknown>[];
}

/** A connection, as pg's own queries use it. */
export interface Wire {
  readonly stream: { cork(): void; uncork(): void };
  readonly parsedStatements: Record<string, string>;
  readonly submittedNamedStatements: Record<string, string>;
  parse(message: { text: string; name: string }): void;
  bind(message: { portal: string; statement: string; values: readonly WireValue[] }): void;
  describe(message: { type: 'P'; name: string }): void;
  execute(message: { portal: string }): void;
  sync(): void;
  close(message: { type: 'S'; name: string }): void;
}

interface Column {
  name: string;
  dataTypeID: number;
}

type MakeRow = (values: readonly (string | null)[]) => Record<string, unknown>;

/** What rows of the prepared statements of a connection look like: it stays so, or PostgreSQL refuses to go on. */
const shapes = new WeakMap<Wire, Map<string, MakeRow>>();
const none: readonly unknown[] = [];

/**
 * A statement on its way, in place of pg's own query: asks what its rows look like once per connection, and makes them by a
 * function that is compiled for them. That is a third of what a short statement costs.
 */
class Statement {
  readonly text: string;
  name: string;
  readonly values: readonly WireValue[];
  readonly callback: (error: unknown, answer?: Answer) => void;
  readonly portal = '';
  readonly #answer: Answer = { command: '', rowCount: null, rows: [] };
  #makeRow: MakeRow | undefined;
  #wire: Wire | undefined;
  #failed: { error: unknown } | undefined;

  constructor(text: string, values: readonly WireValue[], callback: (error: unknown, answer?: Answer) => void) {
    this.text = text;
    this.name = statementName(text) ?? '';
    this.values = values;
    this.callback = callback;
  }

  submit(wire: Wire): void {
    this.#wire = wire;
    wire.stream.cork();
    try {
      this.#send(wire);
    } finally {
      wire.stream.uncork();
    }
  }

  handleRowDescription({ fields }: { fields: Column[] }): void {
    this.#makeRow = rowMakerOf(fields);
    if (!this.name) return;
    let known = shapes.get(this.#wire!);
    if (!known) shapes.set(this.#wire!, (known = new Map()));
    known.set(this.name, this.#makeRow);
  }

  handleDataRow({ fields }: { fields: (string | null)[] }): void {
    if (this.#failed) return;
    try {
      this.#answer.rows.push(this.#makeRow!(fields));
    } catch (error) {
      this.#failed = { error };
    }
  }

  handleCommandComplete({ text }: { text: string }): void {
    const words = text.split(' ');
    this.#answer.command = words[0]!;
    this.#answer.rowCount = words.length > 1 ? Number(words.at(-1)) : null;
  }

  handleReadyForQuery(): void {
    if (this.#failed) this.callback(this.#failed.error);
    else this.callback(null, this.#answer);
  }

  handleError(error: unknown): void {
    this.callback(this.#failed?.error ?? error);
  }

  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyInResponse(): void {}
  handleCopyData(): void {}

  #send(wire: Wire): void {
    const isParsed = this.name !== '' && wire.parsedStatements[this.name] !== undefined;
    if (!isParsed) {
      // One that is on its way may not be parsed at all, in a transaction that has failed: this does not depend on it.
      if (wire.submittedNamedStatements[this.name] !== undefined) this.name = '';
      wire.parse({ text: this.text, name: this.name });
      if (this.name) wire.submittedNamedStatements[this.name] = this.text;
    }
    wire.bind({ portal: '', statement: this.name, values: this.values });
    this.#makeRow = isParsed ? shapes.get(wire)?.get(this.name) : undefined;
    if (!this.#makeRow) wire.describe({ type: 'P', name: '' });
    wire.execute({ portal: '' });
    wire.sync();
  }
}

// On a pipelined connection the client takes nothing but its own kind.
Object.setPrototypeOf(Statement.prototype, pg.Query.prototype as object);

export const wireOf = (client: pg.ClientBase): Wire => (client as unknown as { connection: Wire }).connection;

/** Runs a statement on a connection. Nothing of it is sent if one of its values can't be. */
export const runStatement = (client: pg.ClientBase, text: string, values: readonly unknown[] = none): Promise<Answer> =>
  new Promise((resolve, reject) => {
    client.query(new Statement(text, values.map(wireValue), (error, answer) => (error ? reject(error as Error) : resolve(answer!))) as never);
  });

/** By names and types of columns: many connections run the same statements. */
const rowMakers = new Map<string, MakeRow>();
const MOST_ROW_MAKERS = 2000;

function rowMakerOf(columns: readonly Column[]): MakeRow {
  const key = JSON.stringify(columns.map(({ name, dataTypeID }) => [name, dataTypeID]));
  let make = rowMakers.get(key);
  if (!make) {
    // Whoever makes up names of columns must not fill the memory.
    if (rowMakers.size >= MOST_ROW_MAKERS) rowMakers.clear();
    rowMakers.set(key, (make = compileRow(columns)));
  }
  return make;
}

function compileRow(columns: readonly Column[]): MakeRow {
  // Of two columns with one name the later counts, as in pg.
  const places = new Map(columns.map(({ name }, place) => [name, place]));
  const properties = [...places].map(([name, place]) => `${propertyName(name)}: v[${place}] === null ? null : p${place}(v[${place}])`);
  const make = new Function(...columns.map((_, place) => `p${place}`), `return (v) => { if (v.length !== ${columns.length}) throw new Error('the rows changed their form'); return { ${properties.join(', ')} }; }`) as (...parsers: unknown[]) => MakeRow;
  return make(...columns.map(({ dataTypeID }) => parserOf(dataTypeID)));
}

/** A name in brackets is slower, and the only way to have a property of this one name. */
const propertyName = (name: string): string => (name === '__proto__' ? '["__proto__"]' : JSON.stringify(name));

/** A value as it travels. */
export type WireValue = string | Buffer | null;

/** Makes a value ready to travel; what pg knows of the rest of them it tells. Throws for what can't be written as JSON. */
export function wireValue(value: unknown): WireValue {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string') return value;
  if (typeof value !== 'object') return String(value);
  if (value instanceof Date && value.getUTCFullYear() > 0 && value.getUTCFullYear() < 10_000) return value.toISOString();
  return prepareValue(value);
}
