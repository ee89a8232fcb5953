import type { Module } from '@mainstay/kernel';

/** The platform. Replace a module here to run your own in its place. */
export const sysMain = await loaded([
  import('@mainstay/sys-core'),
  import('@mainstay/sys-accounts'),
  import('@mainstay/sys-email'),
  import('@mainstay/sys-gateway'),
]);

/** The products that stand on it. */
export const modMain = await loaded([
  import('@mainstay/mod-promist'),
]);

/** Every module of this build, one line each. A deployment file enables those that run. */
export const modules: readonly Module[] = [...sysMain, ...modMain];

async function loaded(imports: readonly Promise<{ default: Module }>[]): Promise<Module[]> {
  return (await Promise.all(imports)).map((module) => module.default);
}
