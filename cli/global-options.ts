import { type Command, InvalidArgumentError } from 'commander';

/** Options that every command takes. */
export interface GlobalOptions {
  /** A deployment's name, or its file. */
  deployment?: string;
  /** The e-mail address of the account to act as. */
  as?: string;
  json?: boolean;
}

export const addGlobalOptions = (program: Command): Command => program
  .option('--deployment <file|name>', 'which deployment; the demo, or the one that runs', notEmpty)
  .option('--as <email>', 'act as this account; needs an earlier login, except in a demo', notEmpty)
  .option('--json', 'print the result as JSON, where there is one');

/** The global options given to a command, wherever on the line they stood. */
export const globalOptions = (command: Command): GlobalOptions => command.optsWithGlobals<GlobalOptions>();

/** What a script left out by an empty variable must not mean the demo, or whoever signed in last. */
function notEmpty(text: string): string {
  if (!text.trim()) throw new InvalidArgumentError('It must not be empty.');
  return text;
}
