import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Instance } from '@mainstay/kernel/placement';
import { OperatorError } from './operator-error.ts';
import { replaceFile } from './replace-file.ts';
import type { StateFolder } from './state-folder.ts';

/** Where everything runs in one process, without a file. */
export const onePlacement = 'one-process';

/** The placement that a deployment is started with. */
export interface ChosenPlacement {
  /** Its name in `deploy/placements/`, or the path of its file. */
  placement: string;
  instances: Instance[];
}

/** Its modules are known once it has read the deployment file. */
const inOne: ChosenPlacement = { placement: onePlacement, instances: [{ name: 'main', process: 'main', modules: [], database: '' }] };

/** Which databases hold the rows of each module; `''` is the deployment's own. */
export type Homes = Record<string, string[]>;

/** What a state folder keeps of the placement of the last start. */
export interface KeptPlacement {
  placement: string;
  homes: Homes;
  /** Rows are on their way to another placement; there from the first that is written to the last that is removed. */
  placing?: Placing;
}

/** A way of rows from database to database. */
export interface Placing {
  /** `copying`: they are where `homes` says, and what lies elsewhere is no one's. `removing`: the same, and the others are the old ones. */
  stage: 'copying' | 'removing';
  /** The placement on the other side: where they go, or came from. */
  placement: string;
  homes: Homes;
}

/**
 * The placement that was asked for, else that of the last start, else one process. Throws an `OperatorError` if it can not
 * be read, or looks for the rows of a module in another database than where they are.
 */
export async function choosePlacement(folder: StateFolder, deploymentFile: string, wanted: string | undefined): Promise<ChosenPlacement> {
  requireSettled(folder, deploymentFile);
  const kept = readKept(folder);
  const placement = wanted === undefined ? (kept?.placement ?? onePlacement) : /[/.]/.test(wanted) ? resolve(wanted) : wanted;
  if (placement === onePlacement && !Object.values(kept?.homes ?? {}).flat().some((home) => home !== '')) return inOne;
  const modules = await modulesIn(deploymentFile);
  const instances = placement === onePlacement ? [] : await outline(placement, modules);
  // A file without a module that can be placed is told of by the process that reads it.
  const chosen = instances.length > 0 ? { placement, instances } : inOne;
  if (kept || hasData(folder)) requireSameHomes(folder, chosen, kept ?? { placement: onePlacement, homes: {} }, { modules, deploymentFile });
  return chosen;
}

/** Keeps the placement for the next start. */
export function keepPlacement(folder: StateFolder, { placement, instances }: ChosenPlacement): void {
  const homes = { ...readKept(folder)?.homes, ...homesOf(instances) };
  writePlacement(folder, { placement, homes });
}

/** Writes what a state folder keeps of its placement, whole or not at all. */
export const writePlacement = (folder: StateFolder, kept: KeptPlacement): void => replaceFile(folder.placement, `${JSON.stringify(kept, null, 2)}\n`);

/** Throws an `OperatorError` while rows are on their way from database to database. */
export function requireSettled(folder: StateFolder, deploymentFile: string): void {
  const { placing, placement } = readKept(folder) ?? {};
  if (!placing) return;
  const { name } = folder;
  if (placing.stage === 'removing') throw new OperatorError(`${name} was moved to the placement ${placement}, and what it left behind is not removed yet; end that with ${placeCommand(placement!, deploymentFile)}`);
  throw new OperatorError(`${name} is on its way to the placement ${placing.placement}; go on with ${placeCommand(placing.placement, deploymentFile)}, or take it back with ${placeCommand(placement!, deploymentFile)}`);
}

/** How an operator gets to a placement. */
export const placeCommand = (placement: string, deploymentFile: string): string => `./mainstay place ${placement} --deployment ${deploymentFile}`;

/** The placement of the last start, and the databases that it had beside the deployment's own. */
export function keptPlacement(folder: StateFolder): KeptPlacement & { databases: string[] } {
  const kept = readKept(folder) ?? { placement: onePlacement, homes: {} };
  return { ...kept, databases: databasesIn(kept.homes) };
}

/** The databases beside the deployment's own, each once. */
export const databasesIn = (homes: Homes): string[] => [...new Set(Object.values(homes).flat())].filter((database) => database !== '');

async function outline(placement: string, modules: string[]): Promise<Instance[]> {
  const { outlinePlacement } = await import('@mainstay/kernel/placement');
  try {
    return [...outlinePlacement(placement, modules).instances];
  } catch (error) {
    throw new OperatorError((error as Error).message, { cause: error });
  }
}

/** The modules that a deployment file names; none if it can not be read, which its process tells. */
export async function modulesIn(file: string): Promise<string[]> {
  const { parse } = await import('yaml');
  try {
    return Object.keys((parse(readFileSync(file, 'utf8')) as { modules?: object } | null)?.modules ?? {});
  } catch {
    return [];
  }
}

function requireSameHomes({ name }: StateFolder, chosen: ChosenPlacement, kept: KeptPlacement, { modules, deploymentFile }: { modules: string[]; deploymentFile: string }): void {
  const now = homesOf(chosen.instances);
  const isInOneProcess = chosen.placement === onePlacement;
  const moved = modules.flatMap((module) => {
    // Before placements there was one database, and what a placement of one process does not name is there too.
    const before = kept.homes[module] ?? (kept.placement === onePlacement ? [''] : undefined);
    const after = now[module] ?? (isInOneProcess ? [''] : undefined);
    const isThere = !before || !after || before.every((home) => after.includes(home));
    return isThere ? [] : [`the rows of ${module} are in ${namesOfHomes(name, before)}, and the placement ${chosen.placement} looks for them in ${namesOfHomes(name, after)}`];
  });
  if (moved.length === 0) return;
  throw new OperatorError(`${moved.join('\n')}\nstart ${name} as it was with --placement ${kept.placement}, or move its rows first with ${placeCommand(chosen.placement, deploymentFile)}`);
}

export const namesOfHomes = (deployment: string, homes: string[]): string => {
  const names = homes.map((home) => (home ? `${deployment}_${home}` : deployment));
  return names.length > 3 ? `${names[0]} to ${names.at(-1)}` : names.join(' and ');
};

/** Where the rows of each module are by these instances. */
export function homesOf(instances: readonly Instance[]): Homes {
  const homes: Homes = {};
  for (const { modules, database } of instances) for (const module of modules) homes[module] = [...new Set([...(homes[module] ?? []), database])];
  return homes;
}

function readKept({ placement }: StateFolder): KeptPlacement | undefined {
  return existsSync(placement) ? (JSON.parse(readFileSync(placement, 'utf8')) as KeptPlacement) : undefined;
}

/** Whether the deployment ran before, as far as can be told without its database. */
export const hasData = ({ postgres, secrets }: StateFolder): boolean => existsSync(process.env.DATABASE_URL ? secrets : join(postgres, 'data'));
