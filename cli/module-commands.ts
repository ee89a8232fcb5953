import type { Module } from '@mainstay/kernel';
import { Command } from 'commander';
import { commandTools } from './command-tools.ts';
import { globalOptions } from './global-options.ts';

/** Adds the command groups of the modules: the one that is `wanted`, of the others the names; for the help of the whole program also what they are for. */
export async function addModuleCommands(program: Command, wanted: string | undefined): Promise<void> {
  for (const { name: module, commands = {} } of await readModules(wanted)) {
    for (const [name, load] of Object.entries(commands as NonNullable<Module['commands']>)) {
      const group = program.command(name).summary(`commands of ${module}`);
      if (name === wanted) (await load()).default(group, commandTools(() => globalOptions(group)));
      else if (!wanted) group.summary((await purposeOf(load)) || group.summary());
    }
  }
}

/** The first sentence of a group's description, as a summary is written; nothing if its code cannot be read. */
async function purposeOf(load: NonNullable<Module['commands']>[string]): Promise<string> {
  const group = new Command();
  await load().then(({ default: add }) => add(group, commandTools(() => ({})))).catch(() => {});
  const [sentence = ''] = group.description().split(/\.(?:\s|$)/);
  return sentence.charAt(0).toLowerCase() + sentence.slice(1);
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
