import type { Command } from 'commander';

/** Options that every command takes. */
export interface GlobalOptions {
  /** A deployment's name, or its file. */
  deployment?: string;
  /** The e-mail address of the account to act as. */
  as?: string;
  json?: boolean;
}

export const addGlobalOptions = (program: Command): Command => program
  .option('--deployment <file|name>', 'which deployment; the demo, or the one that runs')
  .option('--as <email>', 'act as this account; needs an earlier login, except in a demo')
  .option('--json', 'print the result as JSON, where there is one');

/** The global options given to a command, wherever on the line they stood. */
export const globalOptions = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>();
