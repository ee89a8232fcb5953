import { identifier, schemaOf } from '@mainstay/kernel/administration';
import type pg from 'pg';
import type { BackedUpModule, SequenceValue, TableName } from './backup-format.ts';

const kernelSchemas = ['mainstay', 'graphile_worker'];

/** Made anew with the roles and the queue of each database; what they say is of that database alone. */
const ownOfDatabase = ['mainstay.modules', 'graphile_worker.migrations'];

export const qualified = ({ schema, name }: { schema: string; name: string }): string => `${identifier(schema)}.${identifier(name)}`;

/** Every module with tables in the database, enabled or not, and the migrations that made them. */
export async function modulesIn(client: pg.Client): Promise<BackedUpModule[]> {
  const { rows } = await client.query<{ module: string; schema: string; migrated: boolean }>(`
    select module, schema, to_regclass(format('%I.%I', schema, schema || '_migrations')) is not null as migrated from mainstay.modules order by module`);
  const modules: BackedUpModule[] = [];
  for (const { module, schema, migrated } of rows) {
    const history = `${identifier(schema)}.${identifier(`${schemaOf(module)}_migrations`)}`;
    modules.push({ module, schema, migrations: migrated ? (await client.query<{ name: string; sha256: string }>(`select name, sha256 from ${history} order by name`)).rows : [] });
  }
  return modules;
}

/** The newest migration of the queue's own tables. */
export async function queueVersion(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ id: number }>('select max(id) as id from graphile_worker.migrations');
  return rows[0]!.id;
}

export const schemasOf = (modules: readonly BackedUpModule[]): string[] => [...kernelSchemas, ...modules.map(({ schema }) => schema)];

/** The tables of these schemas, each with the columns that are not computed from others. */
export async function tablesIn(client: pg.Client, schemas: readonly string[]): Promise<TableName[]> {
  const { rows } = await client.query<TableName>(`
    select n.nspname as schema, c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
      from pg_class c join pg_namespace n on n.oid = c.relnamespace
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
     where c.relkind = 'r' and n.nspname = any ($1) and n.nspname || '.' || c.relname <> all ($2)
     group by 1, 2 order by 1, 2`, [schemas, ownOfDatabase]);
  return rows;
}

/** Where each sequence of these schemas stands. */
export async function sequencesIn(client: pg.Client, schemas: readonly string[]): Promise<SequenceValue[]> {
  const { rows } = await client.query<{ schema: string; name: string }>(`
    select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind = 'S' and n.nspname = any ($1) order by 1, 2`, [schemas]);
  const values: SequenceValue[] = [];
  for (const sequence of rows) {
    const { rows: [row] } = await client.query<{ value: string; called: boolean }>(`select last_value::text as value, is_called as called from ${qualified(sequence)}`);
    values.push({ ...sequence, ...row! });
  }
  return values;
}
