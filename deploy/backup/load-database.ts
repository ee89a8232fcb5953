import { identifier } from '@mainstay/kernel/administration';
import type pg from 'pg';
import type { Manifest, SequenceValue, TableContent, TableName } from './backup-format.ts';
import { contentOf, inSnapshot, loadRows, textSettings } from './copy-table.ts';
import { qualified, tablesIn } from './database-shape.ts';

/** A table as the backup has it and as it was restored. */
export interface ComparedTable extends TableName {
  expected: TableContent;
  found: TableContent;
  equal: boolean;
}

interface ForeignKey {
  table: string;
  name: string;
  definition: string;
}

interface LoadedTable {
  table: string;
  forced: boolean;
}

/**
 * Fills the tables of a fresh database in one transaction. Foreign keys are taken away before and made again behind, which
 * proves each of them; it needs the rights of the tables' owner only.
 */
export class DatabaseLoader {
  readonly #client: pg.Client;
  #tables: LoadedTable[] = [];
  #foreignKeys: ForeignKey[] = [];

  constructor(client: pg.Client) {
    this.#client = client;
  }

  /** Empties the tables of these schemas. */
  async begin(schemas: readonly string[]): Promise<void> {
    await this.#client.query(`begin; ${textSettings}`);
    this.#foreignKeys = await foreignKeysIn(this.#client, schemas);
    for (const { table, name } of this.#foreignKeys) await this.#client.query(`alter table ${table} drop constraint ${identifier(name)}`);
    this.#tables = await loadedTablesIn(this.#client, await tablesIn(this.#client, schemas));
    // Forced row-level security would keep rows even from an owner that loads them.
    for (const { table, forced } of this.#tables) await this.#client.query(`alter table ${table} disable trigger user${forced ? ', no force row level security' : ''}`);
    // Migrations may have brought rows of their own.
    await this.#client.query(`truncate ${this.#tables.map(({ table }) => table).join(', ')}`);
  }

  load(table: TableName, rows: AsyncIterable<Buffer>): Promise<void> {
    return loadRows(this.#client, table, rows);
  }

  async setSequences(values: SequenceValue[]): Promise<void> {
    for (const { value, called, ...sequence } of values) await this.#client.query('select setval($1::regclass, $2, $3)', [qualified(sequence), value, called]);
  }

  async commit(): Promise<void> {
    for (const { table, forced } of this.#tables) await this.#client.query(`alter table ${table} enable trigger user${forced ? ', force row level security' : ''}`);
    for (const { table, name, definition } of this.#foreignKeys) await this.#client.query(`alter table ${table} add constraint ${identifier(name)} ${definition}`);
    await this.#client.query('commit');
  }
}

/** Compares what a database holds with what the backup says of it, table by table. */
export const compareTables = (client: pg.Client, { tables }: Pick<Manifest, 'tables'>, onProgress?: (table: string) => void): Promise<ComparedTable[]> =>
  inSnapshot(client, async () => {
    const compared: ComparedTable[] = [];
    for (const { rows, digest, ...table } of tables) {
      onProgress?.(table.name);
      const found = await contentOf(client, table);
      compared.push({ ...table, expected: { rows, digest }, found, equal: found.rows === rows && found.digest === digest });
    }
    return compared;
  });

async function foreignKeysIn(client: pg.Client, schemas: readonly string[]): Promise<ForeignKey[]> {
  const { rows } = await client.query<ForeignKey>(`
    select conrelid::regclass::text as table, conname as name, pg_get_constraintdef(k.oid) as definition
      from pg_constraint k join pg_class c on c.oid = conrelid join pg_namespace n on n.oid = c.relnamespace
     where contype = 'f' and conparentid = 0 and n.nspname = any ($1) order by k.oid`, [schemas]);
  return rows;
}

async function loadedTablesIn(client: pg.Client, tables: readonly TableName[]): Promise<LoadedTable[]> {
  const names = tables.map(qualified);
  const { rows } = await client.query<LoadedTable>('select oid::regclass::text as table, relforcerowsecurity as forced from pg_class where oid = any ($1::regclass[]) order by oid', [names]);
  return rows;
}
