import type pg from 'pg';
import { identifier } from '../data/names.ts';

/** A table whose rows move with their orgs. */
export interface MovedTable {
  /** As the notes of changes name it: `schema.table`. */
  name: string;
  /** As SQL names it. */
  sql: string;
  /** The column that says whose a row is. */
  org: string;
  /** The columns that tell its rows apart. */
  key: readonly string[];
  /** The columns that are written; others are generated. */
  columns: readonly string[];
  /** Holds the records of commands: only those with an idempotency key move, and the audit gets them from where they were kept. */
  isRecords: boolean;
}

interface Row {
  schema: string;
  table: string;
  org: string;
  divided: boolean;
  key: string[] | null;
  columns: string[];
}

/** Every table of the modules in a shard that says whose its rows are, by a column `org_id`, or `org` in those of the kernel. Throws for one whose rows nothing tells apart. */
export async function movedTables(client: pg.ClientBase): Promise<MovedTable[]> {
  const { rows } = await client.query<Row>(`
    select n.nspname as schema, c.relname as table, o.attname as org, c.relkind = 'p' as divided,
           (select array_agg(a.attname::text order by a.attnum) from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
           (select array_agg(a.attname::text order by a.attnum) from pg_index i join pg_attribute a on a.attrelid = c.oid and a.attnum = any(i.indkey) where i.indrelid = c.oid and i.indisprimary) as key
      from pg_class c join pg_namespace n on n.oid = c.relnamespace join mainstay.modules m on m.schema = n.nspname
      join pg_attribute o on o.attrelid = c.oid and o.attname in ('org_id', 'org') and o.atttypid = 'uuid'::regtype and not o.attisdropped
     where c.relkind in ('r', 'p') and not c.relispartition order by 1, 2`);
  return rows.map(({ schema, table, org, divided, key, columns }) => {
    const isRecords = table === `${schema}_commands`;
    const name = `${schema}.${table}`;
    if (divided) throw new Error(`the rows of ${name} can not be moved: it is a table of parts`);
    if (!key && !isRecords) throw new Error(`the rows of ${name} can not be moved: give it a primary key`);
    return { name, sql: `${identifier(schema)}.${identifier(table)}`, org, key: isRecords ? ['idempotency'] : key!, columns, isRecords };
  });
}

/** Throws unless both shards have the same tables. */
export function requireAlike(source: readonly MovedTable[], target: readonly MovedTable[]): void {
  const different = source.find((table) => JSON.stringify(table) !== JSON.stringify(target.find(({ name }) => name === table.name)));
  if (different) throw new Error(`${different.name} differs between the two shards: let both run the same version first`);
}

/** The condition that a row is of one of the slots in a parameter, such as `$1`. */
export const isOfSlots = ({ org, isRecords }: Pick<MovedTable, 'org' | 'isRecords'>, slots: string, alias: string): string =>
  `mainstay.slot_of(${alias}.${identifier(org)}) = any(${slots})${isRecords ? ` and ${alias}.idempotency is not null` : ''}`;

/** Columns as SQL lists them. */
export const listed = (columns: readonly string[], alias?: string): string => columns.map((column) => (alias ? `${alias}.` : '') + identifier(column)).join(', ');
