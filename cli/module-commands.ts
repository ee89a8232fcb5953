import type { Command } from 'commander';

/** Adds the command groups of the modules. */
export async function addModuleCommands(_program: Command): Promise<void> {}
