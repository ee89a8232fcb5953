import type { Module } from '@mainstay/kernel';
import { readMigrations } from '@mainstay/kernel/administration';
import { platformVersion } from '@mainstay/kernel/version';
import { OperatorError } from '../controller/operator-error.ts';
import type { BackupContents } from './read-backup.ts';
import type { BackedUpModule } from './backup-format.ts';

/** Throws an `OperatorError` that names all for which this build can't restore a backup, though it is whole. */
export async function checkBuild({ header, deployment }: Pick<BackupContents, 'header' | 'deployment'>, modules: readonly Module[]): Promise<void> {
  const problems: string[] = [];
  if (isNewer(header.platform, platformVersion)) problems.push(`it was made by Mainstay ${header.platform} and this is ${platformVersion}: restore it with that version`);
  for (const { modules: backedUp } of [deployment, ...(deployment.databases ?? [])]) problems.push(...(await problemsOfBuild(backedUp, modules)));
  if (problems.length > 0) throw new OperatorError(`this build can't restore the backup, and nothing was changed:\n${[...new Set(problems)].map((problem) => `- ${problem}`).join('\n')}`);
}

/** Why a build can't work with the tables of modules, by the migrations that made them. */
export async function problemsOfBuild(found: readonly BackedUpModule[], build: readonly Module[]): Promise<string[]> {
  return (await Promise.all(found.map((module) => problemsOf(module, build.find(({ name }) => name === module.module))))).flat();
}

async function problemsOf({ module: name, migrations }: BackedUpModule, module: Module | undefined): Promise<string[]> {
  if (!module) return [`it has data of the module ${name}, which this build lacks: add it in main/modules.ts`];
  const known = module.database ? await readMigrations({ module: name, migrations: module.database.migrations }) : [];
  return migrations.flatMap((applied) => {
    const file = known.find((migration) => migration.name === applied.name);
    if (!file) return [`its ${name} has the migration ${applied.name}, which this build lacks: it was made by a newer version, restore it with that one`];
    return file.sha256 === applied.sha256 ? [] : [`its ${name} has another migration ${applied.name} than this build: restore it with the version that made it`];
  });
}

/** Whether a version (semver.org) is newer than another; what follows a hyphen does not count. */
export function isNewer(version: string, than: string): boolean {
  const [a, b] = [version, than].map((text) => text.split('-')[0]!.split('.').map(Number));
  const index = a!.findIndex((part, place) => part !== (b![place] ?? 0));
  return index >= 0 && a![index]! > (b![index] ?? 0);
}
