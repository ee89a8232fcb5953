import { identifier, schemaOf, slotSql } from '@mainstay/kernel/administration';
import type pg from 'pg';
import type { TableName } from '../backup/backup-format.ts';
import { qualified, tablesIn } from '../backup/database-shape.ts';
import { OperatorError } from '../controller/operator-error.ts';

/** A table whose rows are carried to another database. */
export interface CarriedTable extends TableName {
  /** The column that says whose a row is: rows go where their org is. Those of a table without one go everywhere. */
  org?: string;
  /** What commands did: of an org that moved away, what the audit lacks is still here. */
  isRecords: boolean;
  isInbox: boolean;
  /** Of no org, with the time at which each shard got a row: that differs, and says nothing. */
  isTimed: boolean;
}

/** Every table of modules. */
export async function carriedTables(client: pg.Client, modules: readonly string[]): Promise<CarriedTable[]> {
  const schemas = modules.map(schemaOf);
  const { rows } = await client.query<{ name: string; org: string | null }>(`
    select n.nspname || '.' || c.relname as name, o.attname as org
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      left join pg_attribute o on o.attrelid = c.oid and o.attname in ('org_id', 'org') and o.atttypid = 'uuid'::regtype and not o.attisdropped
     where c.relkind = 'r' and n.nspname = any ($1)`, [schemas]);
  const found = new Map(rows.map((row) => [row.name, row]));
  return (await tablesIn(client, schemas)).map((table): CarriedTable => {
    const { schema, name } = table;
    const { org } = found.get(`${schema}.${name}`)!;
    const isInbox = name === `${schema}_inbox`;
    // What was dealt with is dealt with wherever the event comes next: an inbox is one for all.
    return { ...table, ...(org !== null && !isInbox && { org }), isRecords: name === `${schema}_commands`, isInbox, isTimed: isInbox || name === `${schema}_migrations` };
  });
}

/** The table that rows come to, with the columns that both have. Throws an `OperatorError` if it has not all of those that are carried. */
export function counterpartOf(table: CarriedTable, targets: readonly CarriedTable[]): CarriedTable {
  const there = targets.find(({ schema, name }) => schema === table.schema && name === table.name);
  const missing = table.columns.filter((column) => !there?.columns.includes(column) && !(table.isInbox && column === 'org'));
  if (!there || missing.length > 0) throw new OperatorError(`this build has no place for ${qualified(table)}${there ? `, ${missing.join(', ')}` : ''}: start the deployment once as it is, and try again`);
  return { ...there, columns: table.columns.filter((column) => there.columns.includes(column)) };
}

/** Which rows of a source a target gets. */
export interface Part {
  /** The source is a shard: rows of slots that it does not own are what a move left. */
  ofShard: boolean;
  /** The slots of the target; all if absent. */
  slots?: readonly number[];
  /** The target gets the rows of no org too. */
  isFirst?: boolean;
}

/** The query that reads the rows of a table that go to a target, in the order of its columns. */
export function rowsFor({ org, isRecords, ...table }: CarriedTable, { ofShard, slots, isFirst = true }: Part): string {
  const names = table.columns.map(identifier);
  if (org === undefined) return `select ${names.join(', ')} from ${qualified(table)}`;
  const slot = slotSql(identifier(org));
  const isOwned = `(${identifier(org)} is null or ${slot} in (select slot from mainstay.slots))`;
  const keys = ['idempotency', 'request_hash', 'answer'];
  // The answer to its key is where the org is now; here it is only what the audit lacks.
  const columns = isRecords && ofShard ? table.columns.map((name) => (keys.includes(name) ? `case when ${isOwned} then ${identifier(name)} end` : identifier(name))) : names;
  const conditions = [
    ...(ofShard ? [isRecords ? `(${isOwned} or not collected)` : isOwned] : []),
    ...(slots ? [`(${slot} = any ('{${slots.join(',')}}')${isFirst ? ` or ${identifier(org)} is null` : ''})`] : []),
  ];
  return `select ${columns.join(', ')} from ${qualified(table)}${conditions.length > 0 ? ` where ${conditions.join(' and ')}` : ''}`;
}
