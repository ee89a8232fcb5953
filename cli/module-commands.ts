import type { Module } from '@mainstay/kernel';
import type { Command } from 'commander';
import { commandTools } from './command-tools.ts';
import { globalOptions } from './global-options.ts';

/** Adds the command groups of the modules; the code of `wanted` is read, of the others only the names. */
export async function addModuleCommands(program: Command, wanted: string | undefined): Promise<void> {
  for (const { name: module, commands = {} } of await readModules(wanted)) {
    for (const [name, load] of Object.entries(commands as NonNullable<Module['commands']>)) {
      const group = program.command(name).summary(`commands of ${module}`);
      if (name === wanted) (await load()).default(group, commandTools(() => globalOptions(group)));
    }
  }
}

/** A broken module must not keep a person from the help of everything else. */
async function readModules(wanted: string | undefined): Promise<readonly Module[]> {
  try {
    return (await import('@mainstay/main/modules')).modules;
  } catch (error) {
    if (wanted) throw error;
    process.stderr.write(`mainstay: the commands of the modules are missing, because one cannot be read: ${(error as Error).message}\n`);
    return [];
  }
}
