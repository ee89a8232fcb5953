import { platformVersion } from '@mainstay/kernel/version';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { addGlobalOptions } from './global-options.ts';
import { printError } from './terminal/print-error.ts';

/** Every command of the platform itself. A file is read only when its command runs: most take more code than time. */
const commands: Record<string, { summary: string; load: () => Promise<{ default: (command: Command) => Command }> }> = {
  up: { summary: 'start a deployment', load: () => import('./commands/up.ts') },
  down: { summary: 'stop it', load: () => import('./commands/down.ts') },
  restart: { summary: 'start its processes anew, one after the other, while it serves', load: () => import('./commands/restart.ts') },
  run: { summary: 'start one process alone, as the environment says', load: () => import('./commands/run.ts') },
  status: { summary: 'show what runs and how it fares', load: () => import('./commands/status.ts') },
  logs: { summary: 'show its log', load: () => import('./commands/logs.ts') },
  dev: { summary: 'start it, and again after each change of the sources', load: () => import('./commands/dev.ts') },
  backup: { summary: 'back up a whole deployment into one file', load: () => import('./commands/backup.ts') },
  restore: { summary: 'restore one from such a file', load: () => import('./commands/restore.ts') },
  place: { summary: 'move it to another placement with its data, while it is stopped', load: () => import('./commands/place.ts') },
  test: { summary: 'check everything: types, lint, import rules, contracts, all tests', load: () => import('./commands/test.ts') },
  check: { summary: 'check the types, with the code of changed contracts', load: () => import('./commands/check.ts') },
  new: { summary: 'make a module from the example', load: () => import('./commands/new.ts') },
  publish: { summary: 'write anew what is published about all modules', load: () => import('./commands/publish.ts') },
  login: { summary: 'sign in on the command line', load: () => import('./commands/login.ts') },
  logout: { summary: 'sign out', load: () => import('./commands/logout.ts') },
  call: { summary: 'call any method with JSON', load: () => import('./commands/call.ts') },
};

/** Runs one command of the CLI. Exit codes: 0 done, 1 failed, 2 called wrongly. */
export async function runCommandLine(given: string[]): Promise<void> {
  const args = given[0] === 'help' ? [...given.slice(1), '--help'] : given;
  try {
    const name = findCommand(args);
    const program = await makeProgram(name);
    // With --help behind it, commander would show the help of the whole program instead of a suggestion.
    const known = name === undefined || program.commands.some((command) => command.name() === name);
    await program.parseAsync(known ? args : [name], { from: 'user' });
  } catch (error) {
    if (error instanceof InvalidArgumentError) process.stderr.write(`error: ${error.message}\n(add --help to see what is allowed)\n`);
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else {
      process.exitCode = 1;
      await printError(error);
    }
  }
}

/** The first word that is neither an option nor the value of one. */
const findCommand = (args: string[]): string | undefined =>
  args.find((argument, index) => !argument.startsWith('-') && !['--deployment', '--as'].includes(args[index - 1] ?? ''));

/** The whole program for help and suggestions; only what `name` needs if it is a command of the platform. */
async function makeProgram(name: string | undefined): Promise<Command> {
  const program = addGlobalOptions(new Command('./mainstay'))
    .description('Mainstay: start it, look after it, use it.')
    .version(platformVersion, '--version', 'print the version')
    .configureHelp({ showGlobalOptions: true, commandDescription: (command) => command.description() || sentence(command.summary()) })
    .showHelpAfterError('(add --help to see what is allowed)')
    .helpCommand('help [command]', 'show how to use a command')
    .exitOverride();
  for (const [command, { summary, load }] of Object.entries(commands)) {
    const added = program.command(command).summary(summary);
    if (command === name) (await load()).default(added);
  }
  if (!name || !(name in commands)) await (await import('./module-commands.ts')).addModuleCommands(program, name);
  return program;
}

const sentence = (summary: string): string => summary && `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
