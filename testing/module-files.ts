import type { Module } from '@mainstay/kernel';
import { modules } from '@mainstay/main/modules';

/** The modules of the build, with those of the files (URLs) beside them or in the place of the one of the same name. A file exports a module, or a list of modules, as its default. */
export async function withModulesOf(files: readonly string[], own: readonly Module[] = []): Promise<Module[]> {
  const loaded = await Promise.all(files.map(async (file) => [((await import(file)) as { default: Module | Module[] }).default].flat()));
  const added = [...own, ...loaded.flat()];
  return [...modules.filter(({ name }) => !added.some((module) => module.name === name)), ...added];
}
