import { isDeepStrictEqual } from 'node:util';
import type { Module } from '@mainstay/kernel';
import { connectionConfig, withClient } from '@mainstay/kernel/administration';
import type pg from 'pg';
import type { BackedUpModule } from '../backup/backup-format.ts';
import { isShard, requireOwners } from '../backup/begin-snapshots.ts';
import { problemsOfBuild } from '../backup/check-build.ts';
import { textSettings } from '../backup/copy-table.ts';
import { modulesIn } from '../backup/database-shape.ts';
import { type DatabaseServer, urlOf } from '../backup/url-of-database.ts';
import { OperatorError } from '../controller/operator-error.ts';
import type { Source } from './carry-rows.ts';
import { hasDatabase } from './has-database.ts';
import type { PlacedModule, Target } from './plan-placing.ts';

/** Modules that go the same way. */
export interface Route {
  modules: BackedUpModule[];
  from: string[];
  to: Target[];
}

/**
 * Groups modules by the way that they go, with the migrations that had made their tables; without those that have none.
 * Throws an `OperatorError` if the build can't make them again.
 */
export async function routesOf(server: DatabaseServer, placed: readonly PlacedModule[], build: readonly Module[]): Promise<Route[]> {
  const found = new Map<string, BackedUpModule[]>();
  for (const database of new Set(placed.flatMap(({ from }) => from))) {
    if (await hasDatabase(server, database)) found.set(database, await withClient(connectionConfig(urlOf(server, database)), known));
  }
  const routes: Route[] = [];
  for (const { module, from, to } of placed) {
    const shapes = from.map((database) => found.get(database)?.find((shape) => shape.module === module));
    if (shapes.every((shape) => !shape)) continue;
    const [shape] = shapes;
    if (!shape || !shapes.every((other) => isDeepStrictEqual(other, shape))) throw new OperatorError(`the shards of ${module} were not all brought up to date; start the deployment once as it is, and try again`);
    const route = routes.find((other) => isDeepStrictEqual([other.from, other.to], [from, to]));
    if (route) route.modules.push(shape);
    else routes.push({ modules: [shape], from, to });
  }
  const problems = await problemsOfBuild(routes.flatMap(({ modules }) => modules), build);
  if (problems.length > 0) throw new OperatorError(`this build can't make the tables, and nothing was changed:\n${problems.map((problem) => `- ${problem}`).join('\n')}`);
  return routes;
}

const known = async (client: pg.Client): Promise<BackedUpModule[]> =>
  (await client.query<{ made: boolean }>("select to_regclass('mainstay.modules') is not null as made")).rows[0]!.made ? modulesIn(client) : [];

/** Runs `work` on what these databases hold at one moment. Throws an `OperatorError` if slots are between two of them. */
export async function withSources<T>(server: DatabaseServer, databases: readonly string[], work: (sources: Source[]) => Promise<T>): Promise<T> {
  const open = async ([first, ...others]: readonly string[], opened: Source[]): Promise<T> => {
    if (first === undefined) {
      await requireOwners(opened);
      return work(opened);
    }
    return withClient(connectionConfig(urlOf(server, first)), async (client) => {
      await client.query(`begin isolation level repeatable read, read only; ${textSettings}`);
      return open(others, [...opened, { database: first, client, isShard: await isShard(client) }]);
    });
  };
  return open(databases, []);
}
