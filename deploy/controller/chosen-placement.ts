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
type Homes = Record<string, string[]>;

/** What a state folder keeps of the placement of the last start. */
interface KeptPlacement {
  placement: string;
  homes: Homes;
}

/**
 * The placement that was asked for, else that of the last start, else one process. Throws an `OperatorError` if it can not
 * be read, or looks for the rows of a module in another database than where they are.
 */
export async function choosePlacement(folder: StateFolder, deploymentFile: string, wanted: string | undefined): Promise<ChosenPlacement> {
  const kept = readKept(folder);
  const placement = wanted === undefined ? (kept?.placement ?? onePlacement) : /[/.]/.test(wanted) ? resolve(wanted) : wanted;
  if (placement === onePlacement && !Object.values(kept?.homes ?? {}).flat().some((home) => home !== '')) return inOne;
  const modules = await modulesIn(deploymentFile);
  const instances = placement === onePlacement ? [] : await outline(placement, modules);
  // A file without a module that can be placed is told of by the process that reads it.
  const chosen = instances.length > 0 ? { placement, instances } : inOne;
  if (kept || hasData(folder)) requireSameHomes(folder, chosen, kept ?? { placement: onePlacement, homes: {} }, modules);
  return chosen;
}

/** Keeps the placement for the next start. */
export function keepPlacement(folder: StateFolder, { placement, instances }: ChosenPlacement): void {
  const homes = { ...readKept(folder)?.homes, ...homesOf(instances) };
  replaceFile(folder.placement, `${JSON.stringify({ placement, homes } satisfies KeptPlacement, null, 2)}\n`);
}

/** The placement of the last start, and the databases that it had beside the deployment's own. */
export function keptPlacement(folder: StateFolder): { placement: string; databases: string[] } {
  const { placement = onePlacement, homes = {} } = readKept(folder) ?? {};
  return { placement, databases: [...new Set(Object.values(homes).flat())].filter((database) => database !== '') };
}

async function outline(placement: string, modules: string[]): Promise<Instance[]> {
  const { outlinePlacement } = await import('@mainstay/kernel/placement');
  try {
    return [...outlinePlacement(placement, modules).instances];
  } catch (error) {
    throw new OperatorError((error as Error).message, { cause: error });
  }
}

/** The modules that a deployment file names; none if it can not be read, which its process tells. */
async function modulesIn(file: string): Promise<string[]> {
  const { parse } = await import('yaml');
  try {
    return Object.keys((parse(readFileSync(file, 'utf8')) as { modules?: object } | null)?.modules ?? {});
  } catch {
    return [];
  }
}

function requireSameHomes({ name }: StateFolder, chosen: ChosenPlacement, kept: KeptPlacement, modules: string[]): void {
  const now = homesOf(chosen.instances);
  const isInOneProcess = chosen.placement === onePlacement;
  const moved = modules.flatMap((module) => {
    // Before placements there was one database, and what a placement of one process does not name is there too.
    const before = kept.homes[module] ?? (kept.placement === onePlacement ? [''] : undefined);
    const after = now[module] ?? (isInOneProcess ? [''] : undefined);
    const isThere = !before || !after || before.every((home) => after.includes(home));
    return isThere ? [] : [`the rows of ${module} are in ${named(name, before)}, and the placement ${chosen.placement} looks for them in ${named(name, after)}`];
  });
  if (moved.length === 0) return;
  throw new OperatorError(`${moved.join('\n')}\nrows do not move by themselves: start ${name} as it was with --placement ${kept.placement}, or a new deployment with another name in its file`);
}

const named = (deployment: string, homes: string[]): string => {
  const names = homes.map((home) => (home ? `${deployment}_${home}` : deployment));
  return names.length > 3 ? `${names[0]} to ${names.at(-1)}` : names.join(' and ');
};

function homesOf(instances: readonly Instance[]): Homes {
  const homes: Homes = {};
  for (const { modules, database } of instances) for (const module of modules) homes[module] = [...new Set([...(homes[module] ?? []), database])];
  return homes;
}

function readKept({ placement }: StateFolder): KeptPlacement | undefined {
  return existsSync(placement) ? (JSON.parse(readFileSync(placement, 'utf8')) as KeptPlacement) : undefined;
}

/** Whether the deployment ran before, as far as can be told without its database. */
const hasData = ({ postgres, secrets }: StateFolder): boolean => existsSync(process.env.DATABASE_URL ? secrets : join(postgres, 'data'));
