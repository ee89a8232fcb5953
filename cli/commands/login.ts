import type { Command } from 'commander';
import { findDeployment } from '../connection/find-deployment.ts';
import { signIn } from '../connection/sessions.ts';
import { globalOptions } from '../global-options.ts';
import { ask } from '../terminal/ask.ts';

export default (command: Command) => command
  .description('Sign in; from then on the CLI acts as this account. The password is asked for, or read from standard input.')
  .argument('[email]', 'the address of the account; asked for if absent')
  .action(async (email: string | undefined) => {
    const deployment = findDeployment(globalOptions(command).deployment);
    const who = email ?? (await ask('E-mail address: '));
    await signIn(deployment, who, await ask('Password: ', { secret: true }));
    process.stdout.write(`signed in to ${deployment.name} as ${who}\n`);
  });
