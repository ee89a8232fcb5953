import type { Instance } from '@mainstay/kernel/placement';
import type { Homes } from '../controller/chosen-placement.ts';
import { namesOfHomes, onePlacement } from '../controller/chosen-placement.ts';
import { OperatorError } from '../controller/operator-error.ts';

/** A database that rows come to. */
export interface Target {
  /** `''` is the deployment's own. */
  database: string;
  /** Whose shard it is, and which. */
  shard?: { process: string; index: number; count: number };
}

/** A module whose rows move. */
export interface PlacedModule {
  module: string;
  from: string[];
  to: Target[];
}

/** What it takes to get from the homes of before to those of a placement. */
export interface PlacingPlan {
  modules: PlacedModule[];
  /** Where each module is afterwards, also those that no process runs. */
  homes: Homes;
}

/**
 * Compares where the rows of modules are with where the instances of a placement look for them. Throws an `OperatorError`
 * where the same database would be one of both: rows of shards move between them while they are used. `commandTo` says how
 * to get to another placement.
 */
export function planPlacing(deployment: string, before: Homes, instances: readonly Instance[], commandTo: (placement?: string) => string): PlacingPlan {
  const homes = { ...before };
  const modules: PlacedModule[] = [];
  for (const [module, from] of Object.entries(before)) {
    const to = targetsOf(module, instances);
    const after = to.map(({ database }) => database);
    if (to.length === 0) continue;
    homes[module] = after;
    // Shards that are added get their slots when an operator moves them there.
    if (from.every((database) => after.includes(database))) continue;
    if (from.some((database) => after.includes(database))) throw new OperatorError(`the rows of ${module} are in ${namesOfHomes(deployment, from)}, and would be in ${namesOfHomes(deployment, after)}: shards can not be taken away while others stay; bring all together first with ${commandTo(onePlacement)}, then divide them anew with ${commandTo()}`);
    modules.push({ module, from, to });
  }
  return { modules, homes };
}

function targetsOf(module: string, instances: readonly Instance[]): Target[] {
  const targets = new Map<string, Target>();
  for (const { modules, process, database, shard } of instances) if (modules.includes(module)) targets.set(database, { database, ...(shard && { shard: { process, ...shard } }) });
  return [...targets.values()];
}
