import { identifier } from '@mainstay/kernel/administration';
import type pg from 'pg';
import { from, to } from 'pg-copy-streams';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { TableContent, TableName } from './backup-format.ts';
import { tableDigest } from './content-digest.ts';
import { qualified } from './database-shape.ts';

/** One text for each value, whatever the server's settings; every later version of PostgreSQL reads it. */
export const textSettings = `set local timezone = 'UTC'; set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; set local extra_float_digits = 1; set local bytea_output = 'hex'; set local lc_monetary = 'C'; set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0; set local transaction_timeout = 0`;

const target = (table: TableName) => `${qualified(table)} (${table.columns.map(identifier).join(', ')})`;

/** The rows of a table as the client's transaction sees them, in pieces that need not end with a row. */
export const rowsOf = (client: pg.Client, table: TableName): AsyncIterable<Buffer> =>
  client.query(to(`copy ${target(table)} to stdout`)) as AsyncIterable<Buffer>;

/** The rows that a query gives, as `rowsOf`. */
export const rowsOfQuery = (client: pg.Client, query: string): AsyncIterable<Buffer> => client.query(to(`copy (${query}) to stdout`)) as AsyncIterable<Buffer>;

/** Adds rows to a table. */
export const loadRows = (client: pg.Client, table: TableName, rows: AsyncIterable<Buffer>): Promise<void> =>
  pipeline(Readable.from(rows, { objectMode: false }), client.query(from(`copy ${target(table)} from stdin`)));

/** What a table holds, by these columns. */
export const contentOf = (client: pg.Client, table: TableName): Promise<TableContent> => contentOfRows(rowsOf(client, table));

export async function contentOfRows(rows: AsyncIterable<Buffer>): Promise<TableContent> {
  const digest = tableDigest();
  for await (const piece of rows) digest.add(piece);
  return digest.end();
}

/** Runs `work` on one unchanging view of the whole database. */
export async function inSnapshot<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query(`begin isolation level repeatable read, read only; ${textSettings}`);
  const result = await work();
  await client.query('commit');
  return result;
}
