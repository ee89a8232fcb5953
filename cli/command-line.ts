import { Command, CommanderError } from 'commander';
import { addModuleCommands } from './module-commands.ts';
import { printError } from './terminal/print-error.ts';

type Define = (command: Command) => Command;

/** Every command of the platform itself. Each file is read only when its command runs. */
const commands: Record<string, { summary: string; load: () => Promise<{ default: Define }> }> = {
  test: { summary: 'check everything: types, import rules, contracts, all tests', load: () => import('./commands/test.ts') },
};

/** Runs one command of the CLI. Exit codes: 0 done, 1 failed, 2 called wrongly. */
export async function runCommandLine(args: string[]): Promise<void> {
  const name = args.find((argument) => !argument.startsWith('-'));
  try {
    await (await makeProgram(name)).parseAsync(args, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
    else process.exitCode = printError(error);
  }
}

/** The whole program for help and suggestions; only what `name` needs if it is a command of the platform. */
async function makeProgram(name: string | undefined): Promise<Command> {
  const program = new Command('mainstay')
    .description('Mainstay: start it, look after it, use it.')
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('(add --help for what is allowed)')
    .enablePositionalOptions()
    .exitOverride();
  for (const [command, { summary, load }] of Object.entries(commands)) {
    if (command === name) (await load()).default(program.command(command));
    else program.command(command).summary(summary).action(() => {});
  }
  if (!name || !(name in commands)) await addModuleCommands(program);
  return program;
}
