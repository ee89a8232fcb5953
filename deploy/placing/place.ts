import { resolve } from 'node:path';
import type { Module } from '@mainstay/kernel';
import { connectionConfig, withClient } from '@mainstay/kernel/administration';
import { type Instance, outlinePlacement, readPlacement } from '@mainstay/kernel/placement';
import { withStartLock } from '@mainstay/kernel/start-lock';
import { type DatabaseServer, nameOnServer } from '../backup/url-of-database.ts';
import { databasesIn, hasData, type Homes, type KeptPlacement, keptPlacement, modulesIn, placeCommand, requireSettled, writePlacement } from '../controller/chosen-placement.ts';
import { findDeploymentFile, nameIn } from '../controller/deployment-file.ts';
import { tellingFullDisk } from '../controller/full-disk.ts';
import { OperatorError } from '../controller/operator-error.ts';
import { currentRun } from '../controller/run-record.ts';
import { deploymentEnvironment } from '../controller/secrets.ts';
import { type StateFolder, stateFolder } from '../controller/state-folder.ts';
import type { Steps } from '../controller/steps.ts';
import { routesOf } from './convoys.ts';
import { forgetHomes } from './forget-homes.ts';
import { countAlong, type Moved, moveAlong, noteShards, requireRoom } from './move-homes.ts';
import { planPlacing, type PlacingPlan } from './plan-placing.ts';
import { withStoppedServer } from './stopped-server.ts';

export interface PlaceOptions {
  /** A placement file, or the name of one in `deploy/placements/`. */
  placement: string;
  /** A deployment file, or the name of one; the demo if absent. */
  deployment?: string;
  /** Only says what would move. */
  dryRun?: boolean;
  /** Every module of the build. */
  modules: readonly Module[];
}

/** Modules that went, or would go, from databases to databases, by their names on the server. */
export interface MovedModules {
  modules: string[];
  from: string[];
  to: string[];
  rows: number;
  /** Known once they went. */
  jobs?: number;
  tables?: Moved['tables'];
}

/** A deployment whose rows are where a placement looks for them. */
export interface PlacedDeployment {
  name: string;
  placement: string;
  moved: MovedModules[];
}

/**
 * Moves the rows and jobs of a deployment that is stopped to the databases of another placement. They are copied and proved
 * equal; then the new placement counts, in one write of a file; then the old rows are removed. Cut off at any point it is gone
 * on with, or taken back by naming the old placement. Throws an `OperatorError` if it can't be done.
 */
export async function place(options: PlaceOptions, steps: Steps): Promise<PlacedDeployment> {
  const file = findDeploymentFile(options.deployment);
  const name = nameIn(file);
  if (!name) throw new OperatorError(`${file}: "name" is missing or wrong`);
  const folder = stateFolder(name);
  return withStartLock(`deployment ${folder.directory}`, async () => {
    if (currentRun(folder)) throw new OperatorError(`${name} is running; stop it with ./mainstay down --deployment ${name}`);
    if (!hasData(folder)) throw new OperatorError(`${name} has no data yet; start it with ./mainstay up --placement ${options.placement}`);
    const wanted = await readWanted(options, file);
    if (options.dryRun) requireSettled(folder, file);
    return tellingFullDisk(folder.directory, () => withStoppedServer(folder, everyDatabase(folder), (server) => new Placer({ ...options, file, folder, server, steps, wanted }).run()));
  });
}

/** Those that hold rows, and those that a move that was cut off had come to. */
function everyDatabase(folder: StateFolder): string[] {
  const { databases, placing } = keptPlacement(folder);
  return ['', ...databases, ...databasesIn(placing?.homes ?? {})];
}

/** A placement as its name is kept, with what it makes of modules. */
interface Wanted {
  placement: string;
  /** The modules of the deployment file. */
  enabled: string[];
}

async function readWanted({ placement: given, modules }: PlaceOptions, file: string): Promise<Wanted> {
  const placement = /[/.]/.test(given) ? resolve(given) : given;
  const enabled = await modulesIn(file);
  try {
    readPlacement(placement, modules.filter(({ name }) => enabled.includes(name)), modules);
  } catch (error) {
    throw new OperatorError((error as Error).message, { cause: error });
  }
  return { placement, enabled };
}

interface Placing extends PlaceOptions {
  file: string;
  folder: StateFolder;
  server: DatabaseServer;
  steps: Steps;
  wanted: Wanted;
}

class Placer {
  readonly #options: Placing;

  constructor(options: Placing) {
    this.#options = options;
  }

  async run(): Promise<PlacedDeployment> {
    const { folder, file, wanted: { placement }, dryRun } = this.#options;
    await this.#settle();
    const before = await this.#homes();
    const instances = outlinePlacement(placement, Object.keys(before)).instances;
    const plan = planPlacing(folder.name, before, instances, (by = placement) => placeCommand(by, file));
    const moved = plan.modules.length === 0 ? [] : dryRun ? await this.#count(plan) : await this.#move(before, plan, instances);
    if (!dryRun && plan.modules.length === 0) writePlacement(folder, { placement, homes: plan.homes });
    return { name: folder.name, placement, moved };
  }

  /** Ends what an earlier one left: takes its copies back, or removes the old rows. */
  async #settle(): Promise<void> {
    const { folder, server, steps } = this.#options;
    const { databases: _, placing, ...kept } = keptPlacement(folder);
    if (!placing) return;
    if (placing.stage === 'removing') return this.#finish({ ...kept, placing });
    await steps.step(`taking back what was on its way to ${placing.placement}`, (say) => forgetHomes(server, kept.homes, placing.homes, say));
    writePlacement(folder, kept);
  }

  /** Where the rows of every module are that ever ran. */
  async #homes(): Promise<Homes> {
    const { folder, server, wanted } = this.#options;
    const { homes } = keptPlacement(folder);
    const found = await withClient(connectionConfig(server.adminUrl), async (client) => {
      if (!(await client.query<{ made: boolean }>("select to_regclass('mainstay.modules') is not null as made")).rows[0]!.made) return [];
      return (await client.query<{ module: string }>('select module from mainstay.modules order by module')).rows.map(({ module }) => module);
    });
    return { ...Object.fromEntries([...found, ...wanted.enabled].map((module) => [module, ['']])), ...homes };
  }

  async #count(plan: PlacingPlan): Promise<MovedModules[]> {
    const { server, modules } = this.#options;
    const moved: MovedModules[] = [];
    for (const route of await routesOf(server, plan.modules, modules)) moved.push({ ...this.#named(route), rows: await countAlong(server, route) });
    return moved;
  }

  async #move(before: Homes, plan: PlacingPlan, instances: readonly Instance[]): Promise<MovedModules[]> {
    const { folder, server, wanted: { placement }, modules: build, steps } = this.#options;
    const { placement: former } = keptPlacement(folder);
    const routes = await routesOf(server, plan.modules, build);
    await requireRoom(server, plan.homes, before);
    writePlacement(folder, { placement: former, homes: before, placing: { stage: 'copying', placement, homes: plan.homes } });
    const stays = databasesIn(plan.homes);
    const leaving = new Map(databasesIn(before).filter((database) => !stays.includes(database)).map((database) => [database, plan.modules.filter(({ from }) => from.includes(database)).map(({ module }) => module)]));
    const moved: MovedModules[] = [];
    for (const route of routes) {
      const named = this.#named(route);
      const { tables, jobs } = await steps.step(`moving ${named.modules.join(', ')}`, (say) =>
        moveAlong({ server, build, secret: deploymentEnvironment(folder).MAINSTAY_SECRET!, known: new Set(Object.keys(before)), leaving, say }, route));
      moved.push({ ...named, rows: tables.reduce((sum, { found }) => sum + found.rows, 0), jobs, tables });
    }
    const kept: KeptPlacement = { placement, homes: plan.homes, placing: { stage: 'removing', placement: former, homes: before } };
    writePlacement(folder, kept);
    await this.#finish(kept, instances);
    return moved;
  }

  /** The new placement counts: nothing looks at what lies elsewhere any more. */
  async #finish({ placing, ...kept }: KeptPlacement, instances = outlinePlacement(kept.placement, Object.keys(kept.homes)).instances): Promise<void> {
    const { folder, server, steps } = this.#options;
    await steps.step('removing the old rows', async (say) => {
      await noteShards(server, instances, deploymentEnvironment(folder).MAINSTAY_SECRET!);
      await forgetHomes(server, kept.homes, placing!.homes, say);
    });
    writePlacement(folder, kept);
  }

  #named({ modules, from, to }: { modules: readonly { module: string }[]; from: readonly string[]; to: readonly { database: string }[] }): Omit<MovedModules, 'rows'> {
    const { server } = this.#options;
    return { modules: modules.map(({ module }) => module), from: from.map((database) => nameOnServer(server, database)), to: to.map(({ database }) => nameOnServer(server, database)) };
  }
}
