import { identifier, schemaOf, slotSql } from '@mainstay/kernel/administration';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import type pg from 'pg';
import { from } from 'pg-copy-streams';
import type { SequenceValue, TableContent } from '../backup/backup-format.ts';
import { sumOf } from '../backup/content-digest.ts';
import { contentOf, contentOfRows, inSnapshot, rowsOfQuery } from '../backup/copy-table.ts';
import { qualified, sequencesIn } from '../backup/database-shape.ts';
import type { DatabaseLoader } from '../backup/load-database.ts';
import { OperatorError } from '../controller/operator-error.ts';
import { type CarriedTable, carriedTables, counterpartOf, rowsFor } from './carried-tables.ts';

/** A database that rows come from, as its administrator sees it at one moment. */
export interface Source {
  database: string;
  client: pg.Client;
  isShard: boolean;
}

/** A database that rows go to. */
export interface Arrival {
  database: string;
  client: pg.Client;
  /** The slots that a shard owns. */
  slots?: readonly number[];
  /** Of the shards the one that gets what is no org's. */
  isFirst: boolean;
}

/** The modules that go from these databases to those: all that have the same homes before and after. */
export interface Convoy {
  modules: string[];
  sources: Source[];
  arrivals: Arrival[];
}

/** Fills the tables of the convoy's modules in one of its arrivals, in the transaction of the loader. */
export async function carryRows({ modules, sources }: Convoy, { client, ...arrival }: Arrival, loader: DatabaseLoader, say: (table: string) => void): Promise<void> {
  const there = await carriedTables(client, modules);
  const bySource = await Promise.all(sources.map(async (source) => ({ source, tables: await carriedTables(source.client, modules) })));
  for (const table of bySource[0]?.tables ?? []) {
    say(`${table.name} to ${arrival.database || 'the own database'}`);
    const target = counterpartOf(table, there);
    if (table.org === undefined && sources.length > 1) {
      await merge(client, target, sources);
      continue;
    }
    for (const source of sources) {
      const rows = rowsOfQuery(source.client, rowsFor({ ...table, columns: target.columns }, { ofShard: source.isShard, ...arrival }));
      await loader.load(target, rows);
    }
  }
  await loader.setSequences(highest((await Promise.all(sources.map((source) => sequencesIn(source.client, modules.map(schemaOf))))).flat()));
}

/** Every shard has its own copy of what is no org's; together they are one. Throws an `OperatorError` where the copies differ. */
async function merge(client: pg.Client, target: CarriedTable, sources: readonly Source[]): Promise<void> {
  const columns = target.columns.map(identifier);
  const rows = `select row(${columns.join(', ')})::text`;
  await client.query(`create temp table mainstay_arriving (like ${qualified(target)}) on commit drop`);
  for (const source of sources) {
    const copying = client.query(from(`copy mainstay_arriving (${columns.join(', ')}) from stdin`));
    await pipeline(Readable.from(rowsOfQuery(source.client, rowsFor(target, { ofShard: source.isShard })), { objectMode: false }), copying);
  }
  await client.query(`insert into ${qualified(target)} (${columns.join(', ')}) overriding system value select distinct ${columns.join(', ')} from mainstay_arriving on conflict do nothing`);
  if (!target.isTimed) {
    const { rowCount } = await client.query(`${rows} from mainstay_arriving except ${rows} from ${qualified(target)} limit 1`);
    if (rowCount) throw new OperatorError(`${qualified(target)} belongs to no org and differs between the shards, so its rows can't be put together; make them equal first`);
  }
  await client.query('drop table mainstay_arriving');
}

function highest(values: readonly SequenceValue[]): SequenceValue[] {
  const found = new Map<string, SequenceValue>();
  for (const value of values) {
    const name = qualified(value);
    const other = found.get(name);
    if (!other || BigInt(value.value) > BigInt(other.value) || (value.value === other.value && value.called)) found.set(name, value);
  }
  return [...found.values()];
}

/** A table as it was and as it is now, in all databases together. */
export interface ProvedTable {
  schema: string;
  name: string;
  expected: TableContent;
  found: TableContent;
  equal: boolean;
}

/** Compares every table of the convoy's modules in the arrivals, as they are committed, with the sources. Rows of a shard must be of its slots. */
export async function proveRows({ modules, sources, arrivals }: Convoy, say: (table: string) => void): Promise<ProvedTable[]> {
  const proved: ProvedTable[] = [];
  const tables = sources[0] ? await carriedTables(sources[0].client, modules) : [];
  const there = await Promise.all(arrivals.map(({ client }) => carriedTables(client, modules)));
  for (const table of tables) {
    say(`proving ${table.name}`);
    // Those that were put together were compared when they were.
    if (table.org === undefined && sources.length > 1) continue;
    const targets = there.map((found) => counterpartOf(table, found));
    const all = { ...table, columns: targets[0]!.columns };
    const expected = sumOf(await inTurn(sources, (source) => contentOfRows(rowsOfQuery(source.client, rowsFor(all, { ofShard: source.isShard })))));
    const contents = await inTurn(arrivals, ({ client }, at) => inSnapshot(client, () => contentOf(client, targets[at]!)));
    const misplaced = await inTurn(arrivals, (arrival) => countMisplaced(table, arrival));
    const { schema, name } = table;
    const founds = table.org === undefined ? contents : [sumOf(contents)];
    proved.push(...founds.map((found) => ({ schema, name, expected, found, equal: found.rows === expected.rows && found.digest === expected.digest && misplaced.every((count) => count === 0) })));
  }
  return proved;
}

async function countMisplaced({ org, ...table }: CarriedTable, { client, slots }: Arrival): Promise<number> {
  if (org === undefined || !slots) return 0;
  return (await client.query<{ count: number }>(`select count(*)::int as count from ${qualified(table)} where ${identifier(org)} is not null and ${slotSql(identifier(org))} <> all ($1::int[])`, [slots])).rows[0]!.count;
}

async function inTurn<T, R>(all: readonly T[], work: (one: T, at: number) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const [at, one] of all.entries()) results.push(await work(one, at));
  return results;
}
