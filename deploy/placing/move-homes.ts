import type { Module } from '@mainstay/kernel';
import { connectionConfig, prepareShardMap, schemaOf, withClient } from '@mainstay/kernel/administration';
import type { Instance } from '@mainstay/kernel/placement';
import type pg from 'pg';
import { DatabaseLoader } from '../backup/load-database.ts';
import { type DatabaseServer, nameOnServer, urlOf } from '../backup/url-of-database.ts';
import { databasesIn, type Homes } from '../controller/chosen-placement.ts';
import { OperatorError } from '../controller/operator-error.ts';
import { carryJobs, requireNoStranger } from './carry-jobs.ts';
import { carriedTables, rowsFor } from './carried-tables.ts';
import { type Arrival, carryRows, type Convoy, type ProvedTable, proveRows } from './carry-rows.ts';
import { type Route, withSources } from './convoys.ts';
import { hasDatabase } from './has-database.ts';
import { makeTarget, slotsOf } from './make-target.ts';
import type { Target } from './plan-placing.ts';

export interface Moving {
  server: DatabaseServer;
  build: readonly Module[];
  secret: string;
  /** Every module of the deployment. */
  known: ReadonlySet<string>;
  /** The databases that will go, each with the modules that leave it. */
  leaving: ReadonlyMap<string, readonly string[]>;
  say: (what: string) => void;
}

/** What came. */
export interface Moved {
  tables: ProvedTable[];
  jobs: number;
}

/** Brings the rows and jobs of modules along their route, and proves every table equal. What they come from is only read. */
export function moveAlong(moving: Moving, { modules, from, to }: Route): Promise<Moved> {
  const names = modules.map(({ module }) => module);
  return withSources(moving.server, from, async (sources) => {
    const { server, build, secret, leaving, known } = moving;
    for (const source of sources) {
      const last = leaving.get(source.database);
      if (last) await requireNoStranger(source, last, known);
    }
    for (const target of to) await makeTarget({ server, target, modules, build, secret });
    return withArrivals(server, to, async (arrivals) => {
      const convoy: Convoy = { modules: names, sources, arrivals };
      let jobs = 0;
      for (const arrival of arrivals) jobs += await fill(moving, convoy, arrival);
      const tables = await proveRows(convoy, moving.say);
      const unequal = tables.filter(({ equal }) => !equal).map(({ name }) => name);
      if (unequal.length > 0) throw new OperatorError(`these tables are not what they were, so nothing was moved: ${unequal.join(', ')}`);
      for (const { client } of arrivals) await client.query('analyze');
      return { tables, jobs };
    });
  });
}

async function fill({ known, say }: Moving, convoy: Convoy, arrival: Arrival): Promise<number> {
  const loader = new DatabaseLoader(arrival.client);
  await loader.begin(convoy.modules.map(schemaOf));
  await carryRows(convoy, arrival, loader, say);
  say(`jobs to ${arrival.database || 'the own database'}`);
  const jobs = await carryJobs({ ...convoy, known }, arrival);
  await loader.commit();
  return jobs;
}

async function withArrivals<T>(server: DatabaseServer, targets: readonly Target[], work: (arrivals: Arrival[]) => Promise<T>): Promise<T> {
  const open = async ([first, ...others]: readonly Target[], opened: Arrival[]): Promise<T> => {
    if (!first) return work(opened);
    const { database, shard } = first;
    return withClient(connectionConfig(urlOf(server, database)), async (client) =>
      open(others, [...opened, { database, client, ...(shard && { slots: await slotsOf(client) }), isFirst: opened.length === 0 }]));
  };
  return open(targets, []);
}

/** Throws an `OperatorError` if a database that rows would come to is there and none of the deployment's. */
export async function requireRoom(server: DatabaseServer, homes: Homes, former: Homes): Promise<void> {
  const own = databasesIn(former);
  for (const database of databasesIn(homes)) {
    if (own.includes(database) || !(await hasDatabase(server, database))) continue;
    throw new OperatorError(`the database ${nameOnServer(server, database)} is there already, and holds nothing of this deployment that is known; drop it, or give it another name`);
  }
}

/** Writes into the deployment's own database which shard owns which slots, as the shards say. */
export async function noteShards(server: DatabaseServer, instances: readonly Instance[], secret: string): Promise<void> {
  const shards = instances.filter(({ shard, replica }) => shard && !replica?.index);
  const place = { adminUrl: server.adminUrl, database: nameOnServer(server, '') };
  if (shards.length > 0) await prepareShardMap(place, secret);
  const owners: { process: string; shard: number; slots: number[] }[] = [];
  for (const { process, shard, database } of shards) {
    if (await hasDatabase(server, database)) owners.push({ process, shard: shard!.index, slots: await withClient(connectionConfig(urlOf(server, database)), slotsOf) });
  }
  await withClient(connectionConfig(server.adminUrl), (client) => replaceMap(client, owners));
}

async function replaceMap(client: pg.Client, owners: readonly { process: string; shard: number; slots: number[] }[]): Promise<void> {
  if (!(await client.query<{ made: boolean }>("select to_regclass('mainstay.slot_moves') is not null as made")).rows[0]!.made) return;
  await client.query('begin');
  await client.query('delete from mainstay.shard_map');
  for (const { process, shard, slots } of owners) await client.query('insert into mainstay.shard_map (process, slot, shard) select $1, slot, $2 from unnest($3::smallint[]) as given (slot)', [process, shard, slots]);
  await client.query('delete from mainstay.slot_moves where process <> all ($1)', [owners.map(({ process }) => process)]);
  await client.query('commit');
}

/** How many rows would go along a route. */
export const countAlong = (server: DatabaseServer, { modules, from }: Route): Promise<number> =>
  withSources(server, from, async (sources) => {
    let rows = 0;
    for (const { client, isShard } of sources) {
      for (const table of await carriedTables(client, modules.map(({ module }) => module))) {
        rows += (await client.query<{ count: number }>(`select count(*)::float8 as count from (${rowsFor(table, { ofShard: isShard })}) as going`)).rows[0]!.count;
      }
    }
    return rows;
  });
